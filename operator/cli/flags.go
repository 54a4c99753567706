package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/prime-radiant/radiant/wording"
)

// The forms that --output of several commands names.
const (
	textOutput = "text"
	jsonOutput = "json"
	yamlOutput = "yaml"
)

// What flags of several commands are told to be.
const (
	quietUsage   = "print errors only"
	verboseUsage = "name each file of a folder that is passed over"
)

// addFiles gives a command the flag -f. The files of a command are those that it
// names, and then the arguments.
func addFiles(cmd *cobra.Command, files *[]string, usage string) {
	cmd.Flags().StringArrayVarP(files, "filename", "f", nil, usage+"; may be repeated, and left out before a name")
}

// UnknownFlag completes the error of a flag that a command does not have with
// the one that was probably meant.
func UnknownFlag(cmd *cobra.Command, err error) error {
	help := fmt.Sprintf("; %s --help lists the flags", cmd.CommandPath())
	var unknown *pflag.NotExistError
	if !errors.As(err, &unknown) {
		return err
	}
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	written := unknown.GetSpecifiedName()
	if rest := unknown.GetSpecifiedShortnames(); rest != "" {
		// One dash before a long name: pflag has taken some letters off it.
		i := slices.IndexFunc(names, func(name string) bool { return strings.HasSuffix(name, rest) })
		if i < 0 || len(rest) == 1 {
			return fmt.Errorf("%w%s", err, help)
		}
		written = names[i]
	}
	if meant := wording.Closest(written, names); meant != "" {
		return fmt.Errorf("%w; did you mean --%s?", err, meant)
	}
	return fmt.Errorf("%w%s", err, help)
}

// completeWords offers words for the value of a flag to shells.
func completeWords(cmd *cobra.Command, flag string, words ...string) {
	// The error is that there is no such flag, or two completions of it.
	_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
}
