"""zip.py FOLDER NAME ZIP   packs FOLDER/NAME; the same files give the same archive."""
import os
import pathlib
import sys
import time
import zipfile

folder, name, into = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3]
# 1980: the format knows nothing earlier.
when = time.gmtime(max(int(os.environ["SOURCE_DATE_EPOCH"]), 315532800))[:6]
with zipfile.ZipFile(into, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packed:
    for path in sorted((folder / name).rglob("*")):
        if path.is_file():
            entry = zipfile.ZipInfo(str(path.relative_to(folder)), when)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            packed.writestr(entry, path.read_bytes())
