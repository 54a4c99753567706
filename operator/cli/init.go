package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/prime-radiant/radiant/manifests"
	"github.com/prime-radiant/radiant/operator/draft"
)

// initFlags are what the user gives to radiant init.
type initFlags struct {
	name, output string
	force        bool
}

// Init is the command radiant init.
func Init() *cobra.Command {
	var flags initFlags
	cmd := &cobra.Command{
		Use:   "init [FOLDER]",
		Short: "Write a SeldonDeployment for the model in a folder",
		Long: `Init looks at a folder with a model, and writes the SeldonDeployment that serves
it: for Keras and TensorFlow (SavedModel), scikit-learn, XGBoost, LightGBM, CatBoost,
MLflow, ONNX, PyTorch, BentoML, Hugging Face's library and repositories of Triton. It
asks nothing; where it finds no model, or several, it says what it found.

  radiant init model && radiant local iris.yaml`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			folder := "."
			if len(args) > 0 {
				folder = args[0]
			}
			return flags.run(cmd, folder)
		},
	}
	cmd.Flags().StringVarP(&flags.output, "output", "o", "", "file to write, - for standard output (default: NAME.yaml here)")
	cmd.Flags().StringVar(&flags.name, "name", "", "name of the deployment (default: that of the folder)")
	cmd.Flags().BoolVar(&flags.force, "force", false, "write over a file that is there")
	return cmd
}

func (f *initFlags) run(cmd *cobra.Command, folder string) error {
	servers, err := manifests.Load()
	if err != nil {
		return err
	}
	folder, err = filepath.Abs(folder)
	if err != nil {
		return fmt.Errorf("looking for a model: %w", err)
	}
	if info, err := os.Stat(folder); err == nil && !info.IsDir() {
		folder = filepath.Dir(folder)
	} else if err != nil {
		return fmt.Errorf("looking for a model: %w", err)
	}
	model, err := draft.Find(os.DirFS(folder), servers)
	if err != nil {
		return fmt.Errorf("%s: %w", folder, err)
	}
	name := cmp.Or(f.name, draft.DeploymentName(filepath.Join(folder, filepath.FromSlash(model.Folder))))
	file := cmp.Or(f.output, name+".yaml")
	base := "."
	if file != stdinName {
		base = filepath.Dir(file)
	}
	uri, err := placeFrom(base, filepath.Join(folder, filepath.FromSlash(model.Folder)))
	if err != nil {
		return err
	}
	text := draft.Write(name, uri, model, servers)
	if file == stdinName {
		_, err := fmt.Fprint(cmd.OutOrStdout(), text)
		return err
	}
	if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) && !f.force {
		return fmt.Errorf("%s is there already; --force writes over it, -o names another", file)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		return fmt.Errorf("writing the deployment: %w", err)
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "wrote %s: %s serves %s\nnext: radiant local %s\n", file, model.Server, filepath.ToSlash(filepath.Join(uri, model.File)), file)
	return err
}

// placeFrom is the path of a folder from another one, such as ./model.
func placeFrom(base, folder string) (string, error) {
	base, err := filepath.Abs(base)
	if err != nil {
		return "", fmt.Errorf("looking for the place of the file: %w", err)
	}
	path, err := filepath.Rel(base, folder)
	if err != nil {
		return "", fmt.Errorf("looking for the way to the model: %w", err)
	}
	if path = filepath.ToSlash(path); !strings.HasPrefix(path, ".") {
		path = "./" + path
	}
	return path, nil
}
