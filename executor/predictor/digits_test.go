package predictor

import (
	"compress/gzip"
	"encoding/json"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/prime-radiant/radiant/executor/builtin"
	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/executor/translate"
	"github.com/prime-radiant/radiant/graph"
)

const (
	outliersSample = "../../samples/outliers"
	pixels         = 28 * 28
)

// images are those of a file of samples/outliers, from 0 to 1.
func images(t *testing.T, name string) [][]float64 {
	t.Helper()
	f, err := os.Open(filepath.Join(outliersSample, "held", name))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	r, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(r)
	if err != nil || len(body) == 0 || len(body)%pixels != 0 {
		t.Fatalf("%s has %d bytes, %v", name, len(body), err)
	}
	all := make([][]float64, len(body)/pixels)
	for i := range all {
		for _, b := range body[i*pixels : (i+1)*pixels] {
			all[i] = append(all[i], float64(b)/255)
		}
	}
	return all
}

// The graph of samples/outliers is asked about digits that neither its reference nor
// its model has seen, and about noise, inverted digits and letters. What is flagged
// goes to the fallback, and the answer says so.
func TestDigitsAreGuarded(t *testing.T) {
	var sample struct {
		Threshold, Precision, Recall float64
	}
	body, err := os.ReadFile(filepath.Join(outliersSample, "accuracy.json"))
	if err == nil {
		err = json.Unmarshal(body, &sample)
	}
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	if err := os.CopyFS(filepath.Join(folder, "guard"), os.DirFS(filepath.Join(outliersSample, "reference"))); err != nil {
		t.Fatal(err)
	}
	n := graph.Node{Name: "guard", Implementation: "MAHALANOBIS_DETECTOR", ModelURI: "there", Children: []graph.Node{arm("digits"), arm("fallback")},
		Parameters: []graph.Parameter{{Name: "threshold", Value: strconv.FormatFloat(sample.Threshold, 'g', -1, 64)}, {Name: "decide", Value: "route"}}}
	outside, err := protocol.Lookup("seldon")
	if err != nil {
		t.Fatal(err)
	}
	var asked []string
	s := answering(t, outside, protocol.REST, &asked)
	p, err := New(Options{Name: "p", Graph: &n, Outside: outside, REST: s, GRPC: s, Nodes: builtin.World{Files: folder}})
	if err != nil {
		t.Fatal(err)
	}
	flagged := func(rows [][]float64) (count float64) {
		for _, row := range rows {
			asked = nil
			body, err := json.Marshal(map[string]any{"data": map[string]any{"ndarray": [][]float64{row}}})
			if err != nil {
				t.Fatal(err)
			}
			answer, err := p.Predict(t.Context(), protocol.REST, request(string(body)))
			if err != nil {
				t.Fatal(err)
			}
			is, _ := tagsOf(t, translate.SeldonJSON, answer.Body)["outlier"].(bool)
			if got := strings.Join(asked, " "); got != map[bool]string{false: "digits:1", true: "fallback:1"}[is] {
				t.Fatalf("asked are %s, and the answer says %s", got, answer.Body)
			}
			if is {
				count++
			}
		}
		return count
	}
	digits := images(t, "digits.gz")
	noise, inverted := make([][]float64, 500), make([][]float64, 500)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range noise {
		for k := range pixels {
			noise[i] = append(noise[i], r.Float64())
			inverted[i] = append(inverted[i], 1-digits[i][k])
		}
	}
	letters := images(t, "letters.gz")
	wrong, right, strange := flagged(digits), 0.0, 0.0
	for _, rows := range [][][]float64{noise, inverted, letters} {
		right, strange = right+flagged(rows), strange+float64(len(rows))
	}
	precision, recall := right/(right+wrong), right/strange
	t.Logf("%v of %d digits and %v of %v strange images are flagged: a precision of %.4f and a recall of %.4f", wrong, len(digits), right, strange, precision, recall)
	if precision < 0.95 || recall < 0.95 {
		t.Error("want at least 0.95 each")
	}
	if off := max(precision-sample.Precision, sample.Precision-precision, recall-sample.Recall, sample.Recall-recall); off > 0.002 {
		t.Errorf("accuracy.json says %v and %v", sample.Precision, sample.Recall)
	}
}
