//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"strings"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/prime-radiant/radiant/apis/seldon"
	v1 "github.com/prime-radiant/radiant/apis/v1"
)

// question is what tests/tools/classifier is asked: the mean of its row is 1.
const question = `{"data":{"names":["a","b"],"ndarray":[[0.5,1.5]]}}`

// model tells the models that tests/tools/classifier stands for by their answers to
// the question: one for each BIAS.
type model float64

func (m model) answers(probability float64) bool {
	return math.Abs(probability-1/(1+math.Exp(-1-float64(m)))) < 1e-9
}

// tally counts which model answered.
type tally struct {
	mu     sync.Mutex
	models []model
	counts map[model]int
}

func newTally(models ...model) *tally { return &tally{models: models, counts: map[model]int{}} }

// note counts the answer: a number, or an error where it is nobody's.
func (t *tally) note(probability float64) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, m := range t.models {
		if m.answers(probability) {
			t.counts[m]++
			return nil
		}
	}
	return fmt.Errorf("%v is the answer of none of the models %v", probability, t.models)
}

// reset returns what was counted, and begins anew.
func (t *tally) reset() map[model]int {
	t.mu.Lock()
	defer t.mu.Unlock()
	counts := t.counts
	t.counts = map[model]int{}
	return counts
}

// rest asks a deployment over REST, or one of its predictors.
func (w *world) rest(deployment string, answers *tally, predictor ...string) request {
	return w.restOf(deployment, question, answers.read, predictor...)
}

// restOf is rest with another question, whose answer is read.
func (w *world) restOf(deployment, question string, read func(answer []byte) error, predictor ...string) request {
	url := fmt.Sprintf("http://%s/seldon/%s/%s/api/v1.0/predictions", gatewayREST(), w.namespace, deployment)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 100}}
	w.t.Cleanup(client.CloseIdleConnections)
	return func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(question))
		if err != nil {
			return err
		}
		req.Header.Set("Content-Type", "application/json")
		for _, name := range predictor {
			req.Header.Set(v1.HeaderPredictor, name)
		}
		resp, err := client.Do(req)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			return err
		}
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("%s: %s", resp.Status, text)
		}
		return read(text)
	}
}

// rpc asks a deployment over gRPC, or one of its predictors.
func (w *world) rpc(deployment string, answers *tally, predictor ...string) request {
	return w.rpcOf(deployment, question, answers.read, predictor...)
}

// rpcOf is rpc with another question, whose answer is read.
func (w *world) rpcOf(deployment, question string, read func(answer []byte) error, predictor ...string) request {
	conn, err := grpc.NewClient(gatewayGRPC(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { conn.Close() })
	message := &seldon.SeldonMessage{}
	if err := protojson.Unmarshal([]byte(question), message); err != nil {
		w.t.Fatal(err)
	}
	return func(ctx context.Context) error {
		ctx = metadata.AppendToOutgoingContext(ctx, "seldon", deployment, "namespace", w.namespace)
		for _, name := range predictor {
			ctx = metadata.AppendToOutgoingContext(ctx, v1.HeaderPredictor, name)
		}
		answer, err := seldon.NewSeldonClient(conn).Predict(ctx, message)
		if err != nil {
			return err
		}
		text, err := protojson.Marshal(answer)
		if err != nil {
			return err
		}
		return read(text)
	}
}

// ask sends n requests, one after the other. None may fail.
func (w *world) ask(n int, send request) {
	w.t.Helper()
	for i := range n {
		if err := send(w.t.Context()); err != nil {
			w.t.Fatalf("request %d of %d: %v", i+1, n, err)
		}
	}
}

// read counts an answer of one row.
func (t *tally) read(text []byte) error {
	var answer struct {
		Data struct {
			NDArray [][]float64 `json:"ndarray"`
		} `json:"data"`
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return fmt.Errorf("%w: %s", err, text)
	}
	if rows := answer.Data.NDArray; len(rows) != 1 || len(rows[0]) != 1 {
		return fmt.Errorf("not the answer to one row: %s", text)
	}
	return t.note(answer.Data.NDArray[0][0])
}
