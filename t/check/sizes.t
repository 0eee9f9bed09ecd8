#!/usr/bin/env bash
# The budgets of sizes: what is over the limit fails, what is over the aim is told.
set -eu
. t/check/lib.sh
need ctags perl

over() { # over LIMIT: lines "number name" beyond it
    awk -v limit="$1" '$1 > limit {print $2 ": " $1}'
}

aim() { # aim LIMIT WHAT: tells how many are beyond it, and the worst
    sort -rn | awk -v limit="$1" -v what="$2" '$1 > limit {n++; if (n == 1) worst = $2 " with " $1}
        END {if (n) print "# note: " n " " what ", most in " worst}'
}

# "lines file" of every source; the Makefile has a limit of its own.
files() {
    { c_sources && shell_sources; } | xargs wc -l | awk '$2 != "total" {print $1, $2}'
}

# "lines file:function", "parameters file:function" of every function in C. A deadline, a struct err and
# the dots do not count: whatever waits and may fail has them.
functions() {
    c_sources | ctags -L - --language-force=C --kinds-C=f --fields=+neS -o - |
        awk -F '\t' -v what="$1" '!/^!/ {
            begin = end = 0; signature = ""
            for (i = 4; i <= NF; i++) {
                if ($i ~ /^line:/) begin = substr($i, 6)
                if ($i ~ /^end:/) end = substr($i, 5)
                if ($i ~ /^signature:/) signature = substr($i, 11)
            }
            gsub(/, *(int64_t (deadline|until|limit)_ms|struct err \* ?e|\.\.\.)/, "", signature)
            depth = 0; count = (signature ~ /^\((void)?\)$/) ? 0 : 1
            for (i = 1; i <= length(signature); i++) {
                c = substr(signature, i, 1)
                depth += (c == "(") - (c == ")")
                count += (c == "," && depth == 1)
            }
            print (what == "lines" ? end - begin + 1 : count), $2 ":" $1
        }'
}

# "depth file:line" of control statements: the layout is clang-format's, so a column is a depth.
nesting() {
    local file
    c_sources | while read -r file; do
        code "$file" | awk -v file="$file" '/^ +(if|for|while|switch|do)( |$)/ {
            match($0, /^ +/); if (RLENGTH % 4 == 0) print RLENGTH / 4, file ":" FNR}'
    done
}

files | over 1000 | rule "no file is over 1000 lines"
files | aim 600 "files over 600 lines"
functions lines | over 80 | rule "no function is over 80 lines"
functions lines | aim 40 "functions over 40 lines"
# libmicrohttpd calls back with eight.
functions parameters | grep -v ' manager/act/metrics.c:on_request$' | over 5 | rule "no function takes more than 5 parameters"
nesting | over 5 | rule "no statement is nested deeper than 5"
nesting | aim 3 "statements nested deeper than 3"
wc -l <Makefile | awk '$1 >= 200 {print "Makefile: " $1}' | rule "the Makefile is under 200 lines"
rules_done
