# fish completion for jukebox

# Prints the command that the words before the cursor name, and the number of its arguments so far.
function __jukebox_context
    set -l command 'jukebox'
    set -l arguments 0
    set -l skip 0
    set -l literal 0
    set -l words (commandline -opc)
    set -e words[1]
    for word in $words
        if test $skip -eq 1
            set skip 0
        else if test $literal -eq 1
            set arguments (math $arguments + 1)
        else
            switch "$command:$word"
                case 'jukebox:play' 'jukebox:p'
                    set command 'jukebox play'
                    set arguments 0
                case 'jukebox:records'
                    set command 'jukebox records'
                    set arguments 0
                case 'jukebox:clean'
                    set command 'jukebox clean'
                    set arguments 0
                case 'jukebox:help'
                    set command 'jukebox help'
                    set arguments 0
                case 'jukebox records:find'
                    set command 'jukebox records find'
                    set arguments 0
                case 'jukebox records:list'
                    set command 'jukebox records list'
                    set arguments 0
                case 'jukebox:-c' 'jukebox:--config' 'jukebox:--log-level' \
                    'jukebox play:-v' 'jukebox play:--volume' 'jukebox play:-f' 'jukebox play:--from' 'jukebox play:--skip' 'jukebox play:-c' 'jukebox play:--config' 'jukebox play:--log-level' \
                    'jukebox records:-c' 'jukebox records:--config' 'jukebox records:--log-level' 'jukebox records:--limit' 'jukebox records:--offset' \
                    'jukebox records find:--limit' 'jukebox records find:--offset' 'jukebox records find:-c' 'jukebox records find:--config' 'jukebox records find:--log-level' \
                    'jukebox records list:--kind' 'jukebox records list:-c' 'jukebox records list:--config' 'jukebox records list:--log-level' \
                    'jukebox clean:-c' 'jukebox clean:--config' 'jukebox clean:--log-level'
                    set skip 1
                case '*:--'
                    set literal 1
                case '*:-?*'
                case '*'
                    set arguments (math $arguments + 1)
            end
        end
    end
    printf '%s\n' $command $arguments
end

# Whether the cursor is in the command and, if they are given, between the first and last argument.
function __jukebox_at -a command first last
    set -l context (__jukebox_context)
    test "$context[1]" = "$command"; or return 1
    test -z "$first"; and return 0
    test $context[2] -ge $first; or return 1
    test -z "$last"; or test $context[2] -le $last
end

complete -c jukebox -f
complete -c jukebox -n '__jukebox_at \'jukebox\' 0 0' -a 'play' -d 'Play files: all of them, in order.'
complete -c jukebox -n '__jukebox_at \'jukebox\' 0 0' -a 'records' -d 'Look after the records.'
complete -c jukebox -n '__jukebox_at \'jukebox\' 0 0' -a 'clean' -d 'Wipe the dust off.'
complete -c jukebox -n '__jukebox_at \'jukebox\' 0 0' -a 'help' -d 'Show the help of a command.'
complete -c jukebox -n '__jukebox_at \'jukebox\'' -s c -l config -r -k -f -a '(__fish_complete_suffix .toml)' -d 'Read the settings from a file.'
complete -c jukebox -n '__jukebox_at \'jukebox\'' -l log-level -r -f -a '\'debug\' \'info\' \'error\'' -d 'How much to log.'
complete -c jukebox -n '__jukebox_at \'jukebox\'' -l version -d 'Show the version.'
complete -c jukebox -n '__jukebox_at \'jukebox\'' -s h -l help -d 'Show help information.'
complete -c jukebox -n '__jukebox_at \'jukebox play\'' -l json -d 'Print JSON.'
complete -c jukebox -n '__jukebox_at \'jukebox play\'' -s v -l volume -r -f -d 'How loud, from 1 to 11.'
complete -c jukebox -n '__jukebox_at \'jukebox play\'' -s f -l from -r -f -a '(__fish_complete_directories)' -d 'Where to look for files.'
complete -c jukebox -n '__jukebox_at \'jukebox play\'' -l skip -r -f -d 'Seconds to skip.'
complete -c jukebox -n '__jukebox_at \'jukebox play\'' -s a -l again -d 'Begin again at the end.'
complete -c jukebox -n '__jukebox_at \'jukebox play\'' -s x -d 'Mix [the] order: \'x\'.'
complete -c jukebox -n '__jukebox_at \'jukebox play\'' -s c -l config -r -k -f -a '(__fish_complete_suffix .toml)' -d 'Read the settings from a file.'
complete -c jukebox -n '__jukebox_at \'jukebox play\'' -l log-level -r -f -a '\'debug\' \'info\' \'error\'' -d 'How much to log.'
complete -c jukebox -n '__jukebox_at \'jukebox play\'' -s h -l help -d 'Show help information.'
complete -c jukebox -n '__jukebox_at \'jukebox play\' 0 0' -F
complete -c jukebox -n '__jukebox_at \'jukebox play\' 1' -F
complete -c jukebox -n '__jukebox_at \'jukebox records\' 0 0' -a 'find' -d 'Find records.'
complete -c jukebox -n '__jukebox_at \'jukebox records\' 0 0' -a 'list' -d 'List all records.'
complete -c jukebox -n '__jukebox_at \'jukebox records\'' -s c -l config -r -k -f -a '(__fish_complete_suffix .toml)' -d 'Read the settings from a file.'
complete -c jukebox -n '__jukebox_at \'jukebox records\'' -l log-level -r -f -a '\'debug\' \'info\' \'error\'' -d 'How much to log.'
complete -c jukebox -n '__jukebox_at \'jukebox records\'' -l limit -r -f -d 'How many to show.'
complete -c jukebox -n '__jukebox_at \'jukebox records\'' -l offset -r -f -d 'Where to begin.'
complete -c jukebox -n '__jukebox_at \'jukebox records\'' -s h -l help -d 'Show help information.'
complete -c jukebox -n '__jukebox_at \'jukebox records\' 0 0' -f -a '\'title:\' \'it\\\'s $new\''
complete -c jukebox -n '__jukebox_at \'jukebox records find\'' -l limit -r -f -d 'How many to show.'
complete -c jukebox -n '__jukebox_at \'jukebox records find\'' -l offset -r -f -d 'Where to begin.'
complete -c jukebox -n '__jukebox_at \'jukebox records find\'' -s c -l config -r -k -f -a '(__fish_complete_suffix .toml)' -d 'Read the settings from a file.'
complete -c jukebox -n '__jukebox_at \'jukebox records find\'' -l log-level -r -f -a '\'debug\' \'info\' \'error\'' -d 'How much to log.'
complete -c jukebox -n '__jukebox_at \'jukebox records find\'' -s h -l help -d 'Show help information.'
complete -c jukebox -n '__jukebox_at \'jukebox records find\' 0 0' -f -a '\'title:\' \'it\\\'s $new\''
complete -c jukebox -n '__jukebox_at \'jukebox records list\'' -l json -d 'Print JSON.'
complete -c jukebox -n '__jukebox_at \'jukebox records list\'' -l kind -r -f -a '\'45\' \'33\'' -d 'Which ones.'
complete -c jukebox -n '__jukebox_at \'jukebox records list\'' -s c -l config -r -k -f -a '(__fish_complete_suffix .toml)' -d 'Read the settings from a file.'
complete -c jukebox -n '__jukebox_at \'jukebox records list\'' -l log-level -r -f -a '\'debug\' \'info\' \'error\'' -d 'How much to log.'
complete -c jukebox -n '__jukebox_at \'jukebox records list\'' -s h -l help -d 'Show help information.'
complete -c jukebox -n '__jukebox_at \'jukebox clean\'' -s c -l config -r -k -f -a '(__fish_complete_suffix .toml)' -d 'Read the settings from a file.'
complete -c jukebox -n '__jukebox_at \'jukebox clean\'' -l log-level -r -f -a '\'debug\' \'info\' \'error\'' -d 'How much to log.'
complete -c jukebox -n '__jukebox_at \'jukebox clean\'' -s h -l help -d 'Show help information.'
complete -c jukebox -n '__jukebox_at \'jukebox clean\' 0 0' -f -a '(__fish_complete_directories)'
complete -c jukebox -n '__jukebox_at \'jukebox help\'' -s h -l help -d 'Show help information.'
complete -c jukebox -n '__jukebox_at \'jukebox help\' 0' -f -a '\'play\' \'records\' \'clean\''
