# Completion of wtelctl for bash. Commands and options come from the program itself.

_wtelctl()
{
	local word=${COMP_WORDS[COMP_CWORD]} first=${COMP_WORDS[1]-} second=${COMP_WORDS[2]-}
	local names options

	if [[ $word == -* ]]; then
		case $first in
		trunk | campaign | peer | calls | token | keys | asterisk-config) options=$(wtelctl "$first" "$second" --help 2>/dev/null) ;;
		*) options=$(wtelctl "$first" --help 2>/dev/null) ;;
		esac
		options=$(grep -o -e '^  --[a-z-]*' <<<"$options")
		mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word")
		return
	fi
	case $COMP_CWORD in
	1) names=$(wtelctl --help | sed -n 's/^  \([a-z-]\{1,\}\).*/\1/p' | sort -u) ;;
	2) names=$(wtelctl --help | sed -n "s/^  $first \([a-z]\{1,\}\) .*/\1/p") ;;
	*) names= ;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$names" -- "$word")
}
complete -F _wtelctl wtelctl
