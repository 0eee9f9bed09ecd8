#!/usr/bin/env bash
# Who may know whom: the arrows of docs/architecture.md, read from the #includes, and the purity of
# what decides, read from the symbols that its objects ask for.
set -eu
. t/check/lib.sh
need nm flock

product() {
    find common manager node -name '*.[ch]' | sort
}

# includes FOLDER: "file header" of each quoted include below it.
includes() {
    product | grep "^$1/" | xargs -r grep -nE '^ *# *include *"' |
        sed 's/^\([^:]*\):[^"]*"\([^"]*\)".*/\1 \2/'
}

# knows FOLDER PATTERN: the includes of FOLDER that the pattern does not allow.
knows() {
    includes "$1" | grep -vE "^[^ ]+ ($2)/" || true
}

# only HEADER FILE: product files but FILE that include <HEADER>.
only() {
    product | xargs grep -lE "^ *# *include *<($1)>" | grep -vE "^($2)$" | sed "s#\$#: <$1> belongs to $2#" || true
}

knows common common | rule "common knows common only"
knows node 'common|node' | rule "node knows common and node"
knows manager/decide 'common|manager/decide' | rule "decide knows common and decide"
knows manager/act 'common|manager/decide|manager/act' | rule "act knows common, decide and act"
knows manager/scan 'common|manager/scan' | rule "scan knows common and scan"
knows manager 'common|manager/(decide|act|scan|cmd)' | rule "manager knows nothing of node"
product | while read -r file; do
    grep -oE '^ *# *include *"[^"]*"' "$file" | sed 's/.*"\(.*\)"/\1/' | while read -r header; do
        [[ -e $header ]] || echo "$file: $header is not written from the top of the tree"
    done
done | rule "includes are written from the top of the tree"
only 'iniparser.*|dictionary\.h' 'common/conf(_read)?\.c' | rule "only common/conf includes iniparser"
only 'mysql.*|mariadb.*|errmsg\.h|mysqld_error\.h' 'common/db\.c' | rule "only common/db includes mysql.h"
only 'libssh2.*' 'common/ssh_libssh2\.[ch]' | rule "only common/ssh_libssh2 includes libssh2.h"
only 'json.*' 'common/json\.[ch]' | rule "only common/json includes json-c"

# What decides, and the values it decides on: their objects ask for each other and for functions of
# libc that only look at their arguments. No socket, clock, file, thread, log; the heap is buf's.
pure=(manager/decide/*.c)
for file in gtid binpos dialect; do
    pure+=(common/"$file"*.c)
done
libc='mem(cpy|move|set|cmp|chr|rchr|mem|pcpy)|str(n?len|n?cmp|n?casecmp|r?chr|chrnul|spn|cspn|str|casestr|pbrk|tok_r|sep)'
libc+='|(__isoc[0-9]+_)?strto(u?l|u?ll|u?max|d)|v?snprintf|free|qsort|qsort_r|bsearch|abs|labs|ll?rint|tolower|toupper'
libc+='|__ctype_(b|tolower|toupper)_loc|__errno_location|__assert_fail|__stack_chk_fail|abort|_GLOBAL_OFFSET_TABLE_'
libc="($libc)(_chk)?|__(memcpy|memmove|memset|mempcpy|v?snprintf|strncpy|strncat)_chk|(__(a|ub)san_.*)"
helpers='(buf|mem|err|json)_[a-z_]+'

objects=()
for file in "${pure[@]}"; do
    objects+=(build/gcc/"${file%.c}.o")
done
if said=$(build build/gcc CC=gcc "${objects[@]}"); then
    defined=$(nm --defined-only -j "${objects[@]}" | sort -u)
    for object in "${objects[@]}"; do
        nm -u -j "$object" | grep -vxE "$libc|$helpers" | grep -vxF "$defined" |
            sed "s|^|${object#build/gcc/}: asks for |" || true
    done | rule "what decides is pure"
else
    echo "$said" | rule "what decides is pure"
fi
rules_done
