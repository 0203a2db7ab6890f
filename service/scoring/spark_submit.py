"""Entry point for `spark-submit`: runs the `canzhi` command line.

`spark-submit --master yarn $(python -c 'import service.scoring.spark_submit as s; print(s.__file__)') score … --engine
spark`
"""

from __future__ import annotations

import sys

if __name__ == "__main__":
    sys.path.pop(0)  # the folder of this file: its modules are not to be found under bare names

    from service.cli import main

    main()
