"""Every scenario, in the order of the list."""
# pylint: disable=unused-import
from lab.scenarios import (h2_memory, h2_floods, h1_memory, hold, websockets, progress, places, heads, outages, control, logs,
                           logins, early, tls, doors, many, slow_readers)
