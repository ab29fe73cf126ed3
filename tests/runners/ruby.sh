#!/usr/bin/env bash
# Installs the gem as a user would, and runs its vectors, its example and its README against a simulator of their own:
# ruby.sh DIRECTORY GEM, where sendgate-simulator is in the directory.
set -euo pipefail
built="$(cd "$1" && pwd)"
gem="$2"
cd "$(dirname "$0")/../.."
work="$(mktemp -d)"
trap 'kill "$simulator" 2>/dev/null; rm -rf "$work"' EXIT
exec 3< <(exec "$built/sendgate-simulator" --port 0 --smtp-port 0 --smtps-port 0)
simulator=$!
read -r ready <&3
url="${ready#ready: }/sandbox/resend"

# What Debian's packages brought stays in sight beside the place that the gem goes to.
places="$(ruby -e 'puts Gem.path.join(":")')"
gem install --quiet --local --ignore-dependencies --no-document --install-dir "$work/gems" "$gem" >/dev/null
export GEM_PATH="$work/gems:$places"
ruby ruby/test/vectors.rb tests/vectors
ruby ruby/test/example.rb "$url" "$work"
python3 scripts/block.py ruby/README.md ruby "$work/readme.rb"
said="$(RESEND_URL="$url" ruby "$work/readme.rb" "$work/readme.db")"
[ "$said" = "$(printf 'queued\nsent')" ] || { echo "error: the README's program said: $said" >&2 && exit 1; }
echo "the README's program ran"
