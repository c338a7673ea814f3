# shellcheck shell=sh
# SPDX-License-Identifier: BSL-1.0
# What the scripts share. Sourced.

say() {
  printf '%s\n' "$*" >&2
}

# Ends the script: the machine lacks something that only its owner can give.
lack() {
  say "$@"
  exit 2
}

# The Debian package with the headers of Boost, 1.81 at least: in Debian 12 `libboost-dev` is older.
boost_package() {
  # shellcheck source=/dev/null
  if [ "$(. /etc/os-release 2>/dev/null && printf '%s' "${ID-}${VERSION_ID-}")" = debian12 ]; then
    echo libboost1.81-dev
  else
    echo libboost-dev
  fi
}

# boost_is_there: headers of 1.81 or later where the compiler looks.
boost_is_there() {
  for directory in ${BOOST_ROOT:+"$BOOST_ROOT/include"} /usr/local/include /usr/include; do
    number=$(sed -n 's/^#define BOOST_VERSION \([0-9]*\).*/\1/p' "$directory/boost/version.hpp" 2>/dev/null)
    [ -z "$number" ] || break
  done
  [ "${number:-0}" -ge 108100 ]
}

# is_there PACKAGE: what the Debian package gives is there, wherever it came from.
is_there() {
  case $1 in
  g++ | meson | cmake | ccache | pkg-config) command -v "$1" >/dev/null ;;
  ninja-build) command -v ninja >/dev/null || command -v ninja-build >/dev/null ;;
  libboost*-dev) boost_is_there ;;
  *) [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ] ;;
  esac
}

missing_of() {
  for package; do
    is_there "$package" || printf ' %s' "$package"
  done
}

# How to become root without a question; empty for root itself. Fails if there is no way.
root_prefix() {
  [ "$(id -u)" != 0 ] || return 0
  sudo -n true 2>/dev/null && echo 'sudo -n'
}

# apt_install PACKAGE...: nothing that is there is removed for it.
apt_install() {
  prefix=$(root_prefix)
  say "Installing: $*"
  log=$(mktemp)
  # shellcheck disable=SC2086 # the prefix is words
  {
    $prefix apt-get update -qq || true
    $prefix env DEBIAN_FRONTEND=noninteractive \
      apt-get install -y -qq --no-install-recommends --no-remove "$@"
  } >"$log" 2>&1 </dev/null || {
    cat "$log" >&2
    rm -f "$log"
    lack "apt-get could not install: $*"
  }
  rm -f "$log"
}

# need PACKAGE...: installs those that are missing, or says what is needed and ends the script.
need() {
  if ! command -v apt-get >/dev/null; then
    say 'This is no Debian. Needed: g++ 12 (or clang 19), Meson 1.0.1, ninja, pkg-config, the headers of' \
      'Boost 1.81; for the tests Catch2 2.13 and RapidCheck. Or later versions of these.'
    for tool in meson pkg-config "${CXX:-c++}"; do
      command -v "${tool%% *}" >/dev/null || lack "There is no $tool."
    done
    return 0
  fi
  missing=$(missing_of "$@")
  [ -n "$missing" ] || return 0
  root_prefix >/dev/null ||
    lack "These Debian packages are missing:$missing" "
Please run, as root:

  apt-get update && apt-get install --no-install-recommends$missing
"
  # shellcheck disable=SC2086 # the packages are words
  apt_install $missing
}

# want PACKAGE...: as `need`, but does without them where they cannot be had.
want() {
  command -v apt-get >/dev/null && root_prefix >/dev/null || return 0
  missing=$(missing_of "$@")
  # shellcheck disable=SC2086
  [ -z "$missing" ] || (apt_install $missing) || true
}

# How many compilers may run at once: one a processor, and 1 GB of free memory for each.
job_count() {
  processors=$(nproc 2>/dev/null || echo 1)
  memory=$(awk '/^MemAvailable/ { print int($2 / 1000000) }' /proc/meminfo 2>/dev/null)
  [ "${memory:-1}" -ge 1 ] || memory=1
  if [ "$processors" -lt "${memory:-1}" ]; then echo "$processors"; else echo "$memory"; fi
}

# With these ccache, where Meson finds it, also knows what is compiled with a precompiled header.
CCACHE_SLOPPINESS=${CCACHE_SLOPPINESS:-pch_defines,time_macros}
export CCACHE_SLOPPINESS

# summary PASSED FAILED [SKIPPED]: the last line of a script that tests. Fails if something failed.
summary() {
  if [ "${3:-0}" -eq 0 ]; then
    echo "$1 passed, $2 failed"
  else
    echo "$1 passed, $2 failed, $3 skipped"
  fi
  [ "$2" -eq 0 ]
}

# configure DIRECTORY [OPTION...]: makes or renews a build directory; what Meson says is shown if that fails.
configure() {
  directory=$1
  shift
  if [ -e "$directory" ] && [ ! -w "$directory" ]; then
    lack "You may not write to $directory: remove it, or name another one in BUILD."
  fi
  log=$(mktemp)
  for mode in --reconfigure --wipe ''; do
    [ -z "$mode" ] || [ -e "$directory/meson-private" ] || continue
    # shellcheck disable=SC2086 # the mode is a word or nothing
    if meson setup $mode "$directory" "$@" >"$log" 2>&1 </dev/null; then
      rm -f "$log"
      return 0
    fi
  done
  cat "$log" >&2
  rm -f "$log"
  return 1
}

# build DIRECTORY [OPTION...]: configures and compiles; under CI all that can be, to show all errors. A failure
# is summed up as one.
build() {
  if ! configure "$@" || ! meson compile -C "$1" -j "$(job_count)" ${CI:+--ninja-args=-k0}; then
    say 'The build failed.'
    summary 0 1
  fi
}

# sum_of LOG WORD...: the sum of these lines of Meson's summary in its log.
sum_of() {
  log=$1
  shift
  sum=0
  for word; do
    number=$(sed -n "s/^$word: *\([0-9]*\) *\$/\1/p" "$log" | tail -n 1)
    sum=$((sum + ${number:-0}))
  done
  echo "$sum"
}

# run_tests DIRECTORY [ARGUMENT...]: what is built there; the arguments go to `meson test`. Ends with a summary.
run_tests() {
  directory=$1
  shift
  status=0
  results=$directory/meson-logs/testlog.txt
  rm -f "$results"
  meson test -C "$directory" --no-rebuild --print-errorlogs "$@" </dev/null || status=$?
  [ -e "$results" ] || return "$status" # nothing was to be run: --list, for instance
  failed=$(sum_of "$results" Fail 'Unexpected Pass' Timeout)
  [ "$failed" -gt 0 ] || [ "$status" -eq 0 ] || failed=1 # `meson test` itself failed
  summary "$(sum_of "$results" Ok 'Expected Fail')" "$failed" "$(sum_of "$results" Skipped)"
}
