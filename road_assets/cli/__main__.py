"""``python -m road_assets.cli``, where the program ``road`` is not installed."""

import sys

from road_assets.cli.root import main

if __name__ == "__main__":
    sys.exit(main())
