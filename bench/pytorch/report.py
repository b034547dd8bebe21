"""How every benchmark on a processor ends: one line of JSON, the peak memory of its process in it."""

import json
import resource


def report(**measured) -> None:
    # Linux counts in KiB.
    peak_memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({**measured, 'peak_memory': peak_memory}))
