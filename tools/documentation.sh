#!/bin/sh
# Writes the API's documentation as data, of the docstrings, with LDoc (Debian: lua-ldoc).
# usage: documentation.sh FILE
set -eu
case $1 in /*) file=$1 ;; *) file=$PWD/$1 ;; esac
cd "$(dirname "$0")"
# Of what LDoc says only its complaints are of interest.
said=$(DOCUMENTATION=$file LUA_PATH="./?.lua;;" ldoc -c config.ld --filter documentation.write . 2>&1 |
	grep -v '^found master module' || true)
[ -z "$said" ] || { echo "$said" >&2; exit 1; }
