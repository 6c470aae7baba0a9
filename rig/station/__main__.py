"""`python -m rig.station RIG`: a rig's station, until it is told to quit or nobody needs it."""

import argparse
import logging
import sys

from rig.errors import ConfigError, RigError
from rig.station import LINGER_S, serve

log = logging.getLogger("rig.station")


def main(args: list[str] | None = None) -> int:
    """Run a station; gives the exit code: 0 ended as asked, 1 it could not run, 2 bad input."""
    parser = argparse.ArgumentParser(prog="python -m rig.station", description=__doc__)
    parser.add_argument("rig", help="a rig file, sim, or sim:FILE")
    parser.add_argument("--seed", type=int, default=0, help="of the simulated world")
    parser.add_argument(
        "--linger",
        type=float,
        default=LINGER_S,
        metavar="S",
        help="end so long after the last watcher",
    )
    options = parser.parse_args(args)
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    try:
        return serve(options.rig, seed=options.seed, linger_s=options.linger)
    except RigError as error:
        log.error("%s", error)
        return 2 if isinstance(error, ConfigError) else 1


if __name__ == "__main__":
    sys.exit(main())
