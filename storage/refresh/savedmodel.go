package refresh

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"

	"github.com/prime-radiant/radiant/storage/transfer"
)

// savedModel is the kind of TensorFlow's models.
type savedModel struct{}

// Given implements [Kind].
func (savedModel) Given(dir string) []transfer.Object { return filesIn(dir) }

// weightsIndex is the file that says where the weights of a SavedModel are.
const weightsIndex = "variables/variables.index"

// shard is the name of a part of the weights of a SavedModel, of how many.
var shard = regexp.MustCompile(`^variables/variables\.data-(\d{5})-of-(\d{5})$`)

// Missing implements [Kind]: TensorFlow Serving loads a graph and the weights that belong
// to it. Clients of stores write files one after the other.
func (savedModel) Missing(files []transfer.Object) error {
	names := map[string]bool{}
	shards, of := 0, ""
	for _, f := range files {
		names[f.Name] = true
		if m := shard.FindStringSubmatch(f.Name); m != nil {
			shards, of = shards+1, m[2]
		}
	}
	if !(savedModel{}).IsModel(files) {
		return errors.New("it has no saved_model.pb, saved_model.pbtxt or model.tflite")
	}
	index := names[weightsIndex]
	total, _ := strconv.Atoi(of)
	switch {
	case shards > 0 && !index:
		return errors.New("it has no variables/variables.index")
	case index && shards == 0:
		return errors.New("it has variables/variables.index and none of the files variables.data-...") //nolint:staticcheck // So the files are called.
	case shards < total:
		return fmt.Errorf("it has %d of the %d files variables.data-...-of-%s", shards, total, of)
	}
	return nil
}

// IsModel implements [Kind].
func (savedModel) IsModel(files []transfer.Object) bool {
	return slices.ContainsFunc(files, func(f transfer.Object) bool {
		return f.Name == "saved_model.pb" || f.Name == "saved_model.pbtxt" || f.Name == "model.tflite"
	})
}

// errNoWeights is of a version whose graph cannot be loaded without what is missing.
var errNoWeights = Incomplete{errors.New("its graph has variables, and it has no variables/variables.index: the rest may still be on its way")}

// Complete implements [Kind]. Of a version that has no weights it looks into the graph:
// one that has variables needs some, and a graph alone may be the first half of an upload.
func (savedModel) Complete(dir string, _ int64) error {
	if slices.ContainsFunc(filesIn(dir), func(f transfer.Object) bool { return f.Name == weightsIndex }) {
		return nil
	}
	for _, name := range []string{"saved_model.pb", "saved_model.pbtxt"} {
		found, err := contains(filepath.Join(dir, name), "VarHandleOp", "VariableV2")
		if err != nil {
			return err
		}
		if found {
			return errNoWeights
		}
	}
	return nil
}
