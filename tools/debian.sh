# Sourced by the scripts that make trees of Debian packages, which need root, mmdebstrap and the
# network. Where packages come from, apt's own configuration says.

# Prints Debian's address, as this machine's apt has it.
debian_archive() {
	apt-get indextargets --format '$(LABEL) $(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' |
		sed -n 's/^Debian //p' | head -n 1
}

# Prints options for Debian's keys, those that the machine's sources name, and those that apt trusts
# by itself.
debian_keyrings() {
	for keys in /usr/share/keyrings/debian-archive-keyring.gpg /etc/apt/trusted.gpg.d; do
		test ! -e "$keys" || echo "--keyring=$keys"
	done
	cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null |
		sed -n 's|^[^#]*[Ss]igned-[Bb]y[:=] *\(/[^] ]*\).*|--keyring=\1|p' | sort -u
}

# Makes a tree. Arguments: the suite, the folder, a file for apt's settings (proxies and the like,
# for mmdebstrap's apt reads nothing of this machine's), further options of mmdebstrap(1).
debian_tree() {
	suite=$1
	folder=$2
	settings=$3
	shift 3
	uri=$(debian_archive)
	if [ -z "$uri" ]; then
		apt-get update -q >&2
		uri=$(debian_archive)
	fi
	test -n "$uri" || { echo "$(basename "$0"): apt knows no Debian archive" >&2; return 1; }
	apt-config dump Acquire | grep -E '^Acquire::(Check-|Retries|https?::)' >"$settings" || :
	# shellcheck disable=SC2046 # a list of options
	echo "deb $uri $suite main" | mmdebstrap --quiet --aptopt="$settings" $(debian_keyrings) \
		--format=directory "$@" "$suite" "$folder" - >&2
}
