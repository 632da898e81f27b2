"""What the commands of ``road`` do on a platform, wherever it runs: on this machine, or on servers that are named.

Here stands the work; how the commands are typed stands in ``road_assets.cli``. Starting and stopping a platform on this
machine is in ``road_assets.local``, what is done once for servers in ``road_assets.server``.
"""
