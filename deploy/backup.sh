#!/bin/sh
# A backup of a running Valkey or Redis (7 or later), on its machine, as a user who may read its folder:
#   deploy/backup.sh /var/backups/ringback            # prints the folder that it made
# Another port, socket or user: VALKEY_CLI="valkey-cli -s /run/valkey.sock" (the password in VALKEYCLI_AUTH). How to
# restore it: docs/operations.md.
#
# The append-only file is several files, of which the last alone grows. As long as none of them is rewritten, a copy is
# the data of one moment. Hard links keep them, so that rewriting is off for a moment only, however long the copy takes.
set -eu
umask 077

into=${1:?"where to? deploy/backup.sh FOLDER"}
: "${VALKEY_CLI:=valkey-cli}"

setting() { $VALKEY_CLI -e CONFIG GET "$1" | tail -n 1; }
rewrites() { $VALKEY_CLI -e INFO persistence | grep -c '^aof_rewrite_\(in_progress\|scheduled\):1' || true; }

$VALKEY_CLI -e PING >/dev/null
store=$(setting dir)
files=$store/$(setting appenddirname)
percentage=$(setting auto-aof-rewrite-percentage)
if [ ! -d "$files" ]; then
    echo "backup: $files is not here: is this Valkey's machine, and appendonly on?" >&2
    exit 1
fi

links=$store/backup-$$
end() {
    $VALKEY_CLI -e CONFIG SET auto-aof-rewrite-percentage "$percentage" >/dev/null
    rm -rf "$links"
}
trap end EXIT
trap 'exit 1' HUP INT TERM

$VALKEY_CLI -e CONFIG SET auto-aof-rewrite-percentage 0 >/dev/null
waited=0
while [ "$(rewrites)" != 0 ]; do
    if [ "$waited" -ge 600 ]; then
        echo "backup: the append-only file has been rewritten for ten minutes" >&2
        exit 1
    fi
    sleep 1
    waited=$((waited + 1))
done
cp -al "$files" "$links"
$VALKEY_CLI -e CONFIG SET auto-aof-rewrite-percentage "$percentage" >/dev/null

made=$into/$(date -u +%Y%m%dT%H%M%SZ)
mkdir -p "$into"
cp -a "$links" "$made.part"
sync
mv "$made.part" "$made"
echo "$made"
