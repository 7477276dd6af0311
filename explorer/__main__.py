"""``python -m explorer`` is ``vdx``."""

import sys

from explorer.cli import main

sys.exit(main())
