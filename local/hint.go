package local

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"time"

	v1 "github.com/prime-radiant/radiant/apis/v1"
)

// examplesIn is the folder below a generation's, where its executor looks for
// what the model servers do not tell of their models.
func examplesIn(root string) string { return filepath.Join(root, "examples") }

// describeTime bounds the reading of a model's files, on a machine that is busy.
const describeTime = 10 * time.Minute

// describe reads from the models what their servers do not tell, for the page
// about the deployment. That a model cannot be read is for its server to say.
func (p *pod) describe(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, describeTime)
	defer cancel()
	for _, c := range p.containers {
		if c.describe == nil {
			continue
		}
		var out bytes.Buffer
		if err := os.MkdirAll(c.work, 0o755); err != nil {
			continue
		}
		if err := c.describe.Run(ctx, &out); err != nil || !json.Valid(out.Bytes()) {
			continue
		}
		writeExample(c.examples, c.spec.Name+".json", out.Bytes())
	}
}

// writeExample puts a file into the folder as a whole: the executor may read it
// at any time. Without the file the page has a general example.
func writeExample(folder, name string, text []byte) {
	file := filepath.Join(folder, name)
	if os.MkdirAll(folder, 0o755) != nil || os.WriteFile(file+".part", text, 0o644) != nil {
		return
	}
	_ = os.Rename(file+".part", file)
}

// shareRequest shows the executor the request that lies beside the deployment.
func (g *generation) shareRequest() {
	if text, err := os.ReadFile(g.requestFile); err == nil {
		writeExample(examplesIn(g.root), "request.json", text)
	}
}

// shareOut tells the page of each predictor what all of them get of the
// requests.
func shareOut(d *v1.SeldonDeployment, generations []*generation) {
	type share struct {
		Name    string `json:"name"`
		Percent int    `json:"percent"`
		Shadow  bool   `json:"shadow"`
	}
	var all []share
	for i := range d.Spec.Predictors {
		p := &d.Spec.Predictors[i]
		percent := int(p.Traffic)
		if p.Shadow && percent == 0 || len(d.Spec.Predictors) == 1 {
			percent = 100
		}
		all = append(all, share{p.Name, percent, p.Shadow})
	}
	text, err := json.Marshal(all)
	if err != nil {
		return
	}
	for _, g := range generations {
		writeExample(examplesIn(g.root), "predictors.json", text)
	}
}
