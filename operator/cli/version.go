package cli

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"

	"github.com/prime-radiant/radiant/version"
)

// Version is the command radiant version.
func Version() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the version, and the commit that this program is built from",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			text, err := describeBuild(version.This(), output)
			if err != nil {
				return err
			}
			_, err = cmd.OutOrStdout().Write(text)
			return err
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", textOutput, "text, json or yaml")
	completeWords(cmd, "output", textOutput, jsonOutput, yamlOutput)
	return cmd
}

func describeBuild(b version.Build, output string) ([]byte, error) {
	switch output {
	case textOutput:
		return []byte(b.Line("radiant") + "\n"), nil
	case jsonOutput:
		text, err := json.MarshalIndent(b, "", "  ")
		return append(text, '\n'), err
	case yamlOutput:
		return yaml.Marshal(b)
	}
	return nil, fmt.Errorf("--output %q: use %s, %s or %s", output, textOutput, jsonOutput, yamlOutput)
}
