"""`python -m rig.station RIG`: a rig's station, until it is told to quit or nobody needs it."""

import argparse
import logging
import os
import sys

from rig.errors import RigError

log = logging.getLogger("rig.station")


def main(args: list[str] | None = None) -> int:
    """Run a station; gives the exit code: 0 ended as asked, 1 the world failed."""
    parser = argparse.ArgumentParser(prog="python -m rig.station", description=__doc__)
    parser.add_argument("rig", help="a rig file, sim, or sim:FILE")
    parser.add_argument("--seed", type=int, default=0, help="of the simulated world")
    parser.add_argument(
        "--linger", type=float, default=60.0, metavar="S", help="end so long after the last watcher"
    )
    options = parser.parse_args(args)
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    # Threads hand over to one another sooner: a picture's decision does not wait for a watcher.
    sys.setswitchinterval(0.0005)
    # Read when OpenCV is imported: pictures this small are found faster by one thread.
    os.environ["OPENCV_FOR_THREADS_NUM"] = "1"
    from rig.station.serving import serve

    try:
        serve(options.rig, seed=options.seed, linger_s=options.linger)
    except RigError as error:
        log.error("%s", error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
