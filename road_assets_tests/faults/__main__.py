"""Kills parts of a real platform at random, fills its disk, and looks whether everything is as if nothing had happened.

Run: ``make faults``, or ``python -m road_assets_tests.faults --kills 200 --seed 1``. Takes at most 20 minutes.
"""

import argparse
import os
import random
import secrets
import sys
import time
from typing import Final

from road_assets_tests.faults.full_disk import state_disk
from road_assets_tests.faults.platforms import OwnPlatform, PlatformDownError
from road_assets_tests.faults.suite import Suite
from road_assets_tests.faults.table import print_table

RESERVE_SECONDS: Final = 60.0
"""Kept for the last checks and the stop."""


def main() -> int:
    """Run the suite, print its table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200, help="how many kills")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6), help="of everything random here")
    parser.add_argument("--minutes", type=float, default=20.0, help="bound of the whole")
    chosen = parser.parse_args()
    os.environ["MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"] = "false"
    begun = time.monotonic()

    def report(line: str) -> None:
        print(f"{time.monotonic() - begun:7.1f} s {line}", flush=True)

    print(f"seed {chosen.seed}, {chosen.kills} kills, at most {chosen.minutes:g} minutes", flush=True)
    deadline = begun + 60 * chosen.minutes - RESERVE_SECONDS
    with state_disk() as disk:
        report(f"state on {disk.description}")
        platform = OwnPlatform.prepare(disk.folder, disk.home)
        suite = Suite(platform, random.Random(chosen.seed), report, deadline)
        try:
            report(f"platform ready after {platform.start():.0f} s")
            suite.prepare()
            report("undisturbed run remembered")
            suite.twice()
            report("same partitions twice at once")
            suite.fill_disk(disk)
            report("disk filled and freed")
            suite.kill(chosen.kills)
            suite.load.stop()
        except PlatformDownError as error:
            suite.invariants.failures.append(str(error))
        finally:
            platform.stop()
    seconds = time.monotonic() - begun
    return print_table(suite, wanted=chosen.kills, seed=chosen.seed, seconds=seconds)


if __name__ == "__main__":
    sys.exit(main())
