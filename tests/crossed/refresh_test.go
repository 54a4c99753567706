package crossed

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prime-radiant/radiant/manifests"
	"github.com/prime-radiant/radiant/storage/refresh"
	"github.com/prime-radiant/radiant/tests/kit/tools"
)

// kinds makes three versions of a model for each implementation, of which the last does not
// load.
const kinds = `
import os, sys
import joblib, mlflow.sklearn, numpy, xgboost
from mlflow.models import infer_signature
from sklearn.linear_model import LinearRegression
folder = sys.argv[1]
x = numpy.array([[0.0], [1], [2], [3]])
for version in (1, 2):
    place = lambda kind: os.path.join(folder, kind, str(version))
    line = LinearRegression().fit(x, x[:, 0] * version)
    os.makedirs(place("SKLEARN_SERVER"))
    joblib.dump(line, os.path.join(place("SKLEARN_SERVER"), "model.joblib"))
    os.makedirs(place("XGBOOST_SERVER"))
    xgboost.XGBRegressor(n_estimators=20).fit(x, x[:, 0] * version).save_model(os.path.join(place("XGBOOST_SERVER"), "model.json"))
    mlflow.sklearn.save_model(line, place("MLFLOW_SERVER"), signature=infer_signature(x, line.predict(x)), pip_requirements=[], serialization_format="cloudpickle")
for kind, file in (("SKLEARN_SERVER", "model.joblib"), ("XGBOOST_SERVER", "model.json"), ("MLFLOW_SERVER", "MLmodel")):
    os.makedirs(os.path.join(folder, kind, "3"))
    with open(os.path.join(folder, kind, "3", file), "w") as out:
        out.write("this is no model")
`

// TestRefreshedKinds has the real MLServer load new versions of each kind of model, by
// the settings that they get, and say why one does not load.
func TestRefreshedKinds(t *testing.T) {
	t.Parallel()
	python := tools.Path(t, "crossed-servers")
	models := t.TempDir()
	cmd := exec.CommandContext(t.Context(), python, "-W", "ignore", "-c", kinds, models)
	cmd.Env = append(os.Environ(), "PYTHONNOUSERSITE=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("making the models: %v\n%s", err, out)
	}
	servers, err := manifests.Load()
	if err != nil {
		t.Fatal(err)
	}
	// The third version does not load for these reasons.
	for name, reason := range map[string]string{
		"SKLEARN_SERVER": "IndexError: pop from empty list", "XGBOOST_SERVER": "XGBoostError: ", "MLFLOW_SERVER": "AttributeError: ",
	} {
		t.Run(name, func(t *testing.T) {
			if servers.Servers[name].Refresh != manifests.RefreshMLServer {
				t.Fatal("it takes no new versions")
			}
			kind := refresh.MLServer{Model: "m", Files: servers.Servers[name].Files}
			folder := t.TempDir()
			put := func(version string) {
				t.Helper()
				from, number := filepath.Join(models, name, version), int64(version[0]-'0')
				if err := kind.Complete(from, number); err != nil {
					t.Fatal(err)
				}
				if err := os.Rename(from, filepath.Join(folder, version)); err != nil {
					t.Fatal(err)
				}
			}
			put("1")
			s, _ := serveAsPrepackaged(t, name, filepath.Join(filepath.Dir(python), "mlserver"), folder)
			at := fmt.Sprintf("http://127.0.0.1:%d", s.http)
			server := &refresh.Repository{Client: http.DefaultClient, URL: at, Model: "m"}
			serves := func(want ...int64) {
				t.Helper()
				all, err := server.Serving(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				available := 0
				for _, one := range all {
					if one.Available {
						available++
					}
				}
				for _, version := range want {
					if !all[version].Available {
						t.Errorf("version %d does not serve: %v", version, all)
					}
				}
				if available != len(want) {
					t.Errorf("%v serve, want %v", all, want)
				}
			}
			answers := func(version string) {
				t.Helper()
				status, body := post(t, at+"/v2/models/m/versions/"+url.PathEscape(version)+"/infer", "application/json",
					strings.NewReader(`{"inputs":[{"name":"input-0","shape":[1,1],"datatype":"FP64","data":[3]}]}`))
				if status != http.StatusOK || !strings.Contains(body, `"model_version":"`+version+`"`) {
					t.Errorf("version %s answers %d %s", version, status, body)
				}
			}
			serves(1)
			answers("1")
			put("2")
			serves(1)
			if err := server.Load(t.Context()); err != nil {
				t.Fatal(err)
			}
			serves(1, 2)
			answers("1")
			answers("2")
			put("3")
			if err := server.Load(t.Context()); err == nil || !strings.Contains(err.Error(), reason) {
				t.Errorf("version 3 loads: %v, want %q", err, reason)
			}
			serves(1, 2)
			if err := os.RemoveAll(filepath.Join(folder, "3")); err != nil {
				t.Fatal(err)
			}
			if err := os.RemoveAll(filepath.Join(folder, "1")); err != nil {
				t.Fatal(err)
			}
			if err := server.Load(t.Context()); err != nil {
				t.Fatal(err)
			}
			serves(2)
			answers("2")
			if status, body := post(t, at+"/v2/models/m/versions/1/ready", "", strings.NewReader("")); status == http.StatusOK {
				t.Errorf("version 1 is there: %s", body)
			}
		})
	}
}
