#!/usr/bin/env bash
# Every file says what it is, and every public function what it does.
set -eu
. t/check/lib.sh
need ctags

c_sources | while read -r file; do
    [[ $(head -c 3 "$file") == '/* ' ]] || echo "$file: does not begin with a comment"
done | rule "every C file begins with a comment"
shell_sources | while read -r file; do
    sed -n 2p "$file" | grep -q '^# ' || echo "$file: line 2 does not say what it is"
done | rule "every shell file says on line 2 what it is"

# A prototype is explained by a comment above it, or above the group that it stands in; a blank line
# ends a group.
c_sources | grep '\.h$' | ctags -L - --language-force=C --kinds-C=p --fields=+n -o - |
    sed -n 's/^\([^!\t]*\)\t\([^\t]*\)\t.*\tline:\([0-9]*\).*/\2 \3 \1/p' |
    while read -r file line name; do
        awk -v line="$line" -v where="$file:$line: $name" '
            /^[[:blank:]]*$/ {told = 0}
            /^(\/\*| \*)/ {told = 1}
            FNR == line {if (!told && !index($0, "/*")) print where; exit}' "$file"
    done | rule "every public function has a comment"
rules_done
