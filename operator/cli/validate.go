package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/operator/config"
	"github.com/prime-radiant/radiant/wording"
)

// Validate is the command radiant validate.
func Validate() *cobra.Command {
	var files []string
	var configMap string
	cmd := &cobra.Command{
		Use:   "validate FILE|FOLDER|-...",
		Short: "Print every problem of SeldonDeployments, with its line",
		RunE: func(cmd *cobra.Command, args []string) error {
			environment, err := config.FromEnvironment()
			if err != nil {
				return err
			}
			settings, servers, err := installed(environment, configMap)
			if err != nil {
				return err
			}
			docs, problems, err := checkDeployments(input{paths: append(files, args...), recursive: true, stdin: cmd.InOrStdin()}, settings.Expand.Rules(servers))
			for _, p := range problems {
				fmt.Fprintln(cmd.OutOrStdout(), p)
			}
			if err != nil {
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout(), summary(len(docs), problems))
			if problems.Err() != nil {
				return ErrReported
			}
			return nil
		},
	}
	addFiles(cmd, &files, "file, folder with all in it, or - (standard input)")
	cmd.Flags().StringVar(&configMap, "config-map", "", configMapUsage)
	return cmd
}

// summary counts problems; notes are none.
func summary(deployments int, problems v1.Problems) string {
	wrong, doubtful := len(problems.Of(v1.SeverityError)), len(problems.Of(v1.SeverityWarning))
	if wrong+doubtful == 0 {
		return "ok"
	}
	return fmt.Sprintf("%s in %s (%s, %s)", wording.Count(wrong+doubtful, "problem"), wording.Count(deployments, "deployment"),
		wording.Count(wrong, "error"), wording.Count(doubtful, "warning"))
}
