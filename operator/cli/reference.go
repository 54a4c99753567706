package cli

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/prime-radiant/radiant/operator/parquet"
	"github.com/prime-radiant/radiant/reference"
)

// Reference is the command radiant reference.
func Reference() *cobra.Command {
	var file, output string
	var options reference.Options
	cmd := &cobra.Command{
		Use:   "reference -f FILE",
		Short: "Write what ordinary data look like, for nodes that judge requests",
		Long: `Reference reads rows of ordinary data and writes a file that says what they look
like: the distribution of each feature, and how features go together. Detectors
read it (docs/nodes.md): put it where a modelUri names it, as reference.json.

Rows are those of a CSV file, whose first line may name the columns, of a NumPy
array (.npy), whose first dimension counts rows, or of a Parquet file.

--components keeps the main directions in which rows differ, and not the whole
covariance, which of n features takes n * n * 5 bytes.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return writeReference(cmd.OutOrStdout(), file, output, options)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&file, "file", "f", "", "rows of ordinary data: .csv, .npy or .parquet")
	f.StringVarP(&output, "output", "o", reference.Name, "file to write")
	f.IntVar(&options.Components, "components", 0, "main directions to keep in place of the covariance; 0: all of it")
	f.BoolVar(&options.NoQuantiles, "no-quantiles", false, "leave out the distributions of features")
	_ = cmd.MarkFlagRequired("file") // It is there.
	return cmd
}

func writeReference(out io.Writer, file, output string, o reference.Options) error {
	body, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("reading rows: %w", err)
	}
	rows := reference.Rows
	if parquet.Is(body) {
		rows = parquet.Rows
	}
	columns, err := rows(body)
	if err != nil {
		return fmt.Errorf("reading rows of %s: %w", file, err)
	}
	r, err := reference.Build(columns, o)
	if err != nil {
		return fmt.Errorf("reading rows of %s: %w", file, err)
	}
	text, err := r.Bytes()
	if err != nil {
		return err
	}
	if err := os.WriteFile(output, text, 0o644); err != nil {
		return fmt.Errorf("writing the reference: %w", err)
	}
	_, err = fmt.Fprintf(out, "%s: %d rows of %d features, %d bytes\n", output, r.Rows, len(r.Features), len(text))
	return err
}
