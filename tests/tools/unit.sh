#!/bin/sh
# Runs one unit program: its TAP goes to RESULTS/LABEL-NAME.tap, what else it says beside that; both are shown if it fails.
# usage: unit.sh RESULTS LABEL PROGRAM
set -u

area=$(basename "$3")
tap=$1/$2-$area.tap
log=$1/$2-$area.log
began=$(date +%s)
timeout 900 "$3" --tap >"$tap" 2>"$log" || {
	# A crash before the first result must not pass for silence.
	grep -q '^not ok' "$tap" || echo "not ok - $area ended early" >>"$tap"
	echo "FAILED: $2 $area, after $(($(date +%s) - began)) s"
	grep -A12 '^not ok' "$tap"
	tail -n 40 "$log"
}
# Several run at once; that one failed is in its TAP.
exit 0
