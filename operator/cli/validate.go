package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/prime-radiant/radiant/apis/kubeflow"
	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/expand"
	"github.com/prime-radiant/radiant/operator/config"
	"github.com/prime-radiant/radiant/wording"
)

// validateFlags are what the user gives to radiant validate.
type validateFlags struct {
	files     []string
	configMap string
	output    string
	quiet     bool
	verbose   bool
}

// Validate is the command radiant validate.
func Validate() *cobra.Command {
	var flags validateFlags
	cmd := &cobra.Command{
		Use:   "validate FILE|FOLDER|-...",
		Short: "Print every problem of SeldonDeployments and training jobs, with its line",
		Long: `Validate prints every problem of SeldonDeployments, and of the training jobs
TFJob and MPIJob, with file, line and column. Where there are errors, the exit
status is 1.

--output github writes commands that GitHub shows beside the lines of a change,
sarif what editors and code scanning read, json what programs read.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			flags.files = append(flags.files, args...)
			return flags.run(cmd)
		},
	}
	f := cmd.Flags()
	addFiles(cmd, &flags.files, "file, folder with all in it, or - (standard input)")
	f.StringVar(&flags.configMap, "config-map", "", configMapUsage)
	f.StringVarP(&flags.output, "output", "o", textOutput, strings.Join(findingFormNames(), ", "))
	f.BoolVarP(&flags.quiet, "quiet", "q", false, quietUsage)
	f.BoolVarP(&flags.verbose, "verbose", "v", false, verboseUsage)
	completeWords(cmd, "output", findingFormNames()...)
	return cmd
}

func (f *validateFlags) run(cmd *cobra.Command) error {
	environment, err := config.FromEnvironment()
	if err != nil {
		return err
	}
	settings, servers, err := installed(environment, f.configMap)
	if err != nil {
		return err
	}
	from := input{jobs: kubeflow.ManifestKinds(), paths: f.files, recursive: true, verbose: f.verbose, stdin: cmd.InOrStdin()}
	all, problems, err := checkObjects(from, settings.Expand.Rules(servers))
	docs := all.deployments
	var limits v1.Problems
	for i := range docs {
		here, failed := source(&docs[i])
		err = errors.Join(err, failed)
		problems = append(problems, docs[i].Locate(here.ModelProblems(servers))...)
		limits = append(limits, docs[i].Locate(expand.TimeLimit(docs[i].Deployment, settings.Expand))...)
	}
	problems = append(problems, once(limits)...)
	problems.Sort()
	out := cmd.OutOrStdout()
	found := findings{deployments: len(docs), jobs: len(all.jobs), problems: problems, quiet: f.quiet, colours: isColourful(out)}
	if f.output != textOutput {
		// What reads such a form reads nothing else.
		err = found.include(err)
	}
	if failed := found.write(out, f.output); failed != nil {
		return failed
	}
	if err != nil {
		return err
	}
	if f.output == textOutput && !f.quiet {
		fmt.Fprintln(out, found.summary())
	}
	if problems.Err() != nil {
		return ErrReported
	}
	return nil
}

// once keeps the first of several problems that say the same, with their number.
func once(same v1.Problems) v1.Problems {
	if len(same) > 1 {
		same[0].Message += fmt.Sprintf(" (so in %d deployments)", len(same))
		same = same[:1]
	}
	return same
}

// summary counts problems; notes are none.
func (f *findings) summary() string {
	wrong, doubtful := len(f.problems.Of(v1.SeverityError)), len(f.problems.Of(v1.SeverityWarning))
	if wrong+doubtful == 0 {
		return "ok"
	}
	var in []string
	if f.deployments > 0 || f.jobs == 0 {
		in = append(in, wording.Count(f.deployments, "deployment"))
	}
	if f.jobs > 0 {
		in = append(in, wording.Count(f.jobs, "job"))
	}
	return fmt.Sprintf("%s in %s (%s, %s)", wording.Count(wrong+doubtful, "problem"), strings.Join(in, " and "),
		wording.Count(wrong, "error"), wording.Count(doubtful, "warning"))
}
