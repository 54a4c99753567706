// Command classifier is a component of a user's own for tests on a cluster: a
// logistic model of the mean of a row's features, over REST and gRPC of the
// seldon protocol. It stands in for an image that is only in a registry.
//
// It listens where the operator's environment says. WORK, a number of
// rounds, makes each request cost processor time. BIAS, a number that is added to
// each mean, makes another model of it. MEMORY is how many MiB the model takes.
// With FAIL=true it is up, and answers every request with 500. HOLD is a duration for
// which each request is held, or until somebody asks for /release. With TELL=true it
// prints the puid of each request, and how many it has at once then.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"math"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/prime-radiant/radiant/apis/seldon"
)

func main() {
	if err := run(); err != nil {
		log.Fatal("classifier: ", err)
	}
}

func run() error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	c, err := fromEnvironment()
	if err != nil {
		return err
	}
	rest, err := listen("PREDICTIVE_UNIT_HTTP_SERVICE_PORT", "9000")
	if err != nil {
		return err
	}
	rpc, err := listen("PREDICTIVE_UNIT_GRPC_SERVICE_PORT", "9500")
	if err != nil {
		return err
	}
	web := &http.Server{Handler: c.routes(), ReadHeaderTimeout: time.Minute}
	calls := grpc.NewServer()
	seldon.RegisterModelServer(calls, c)
	failed := make(chan error, 2)
	go func() { failed <- web.Serve(rest) }()
	go func() { failed <- calls.Serve(rpc) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	limit, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	calls.GracefulStop()
	return web.Shutdown(limit)
}

func fromEnvironment() (*classifier, error) {
	c := &classifier{fails: os.Getenv("FAIL") == "true", tells: os.Getenv("TELL") == "true", release: make(chan struct{})}
	var err error
	if text := os.Getenv("HOLD"); text != "" {
		if c.hold, err = time.ParseDuration(text); err != nil {
			return nil, fmt.Errorf("HOLD: %w", err)
		}
	}
	if text := os.Getenv("WORK"); text != "" {
		if c.rounds, err = strconv.Atoi(text); err != nil {
			return nil, fmt.Errorf("WORK: %w", err)
		}
	}
	if text := os.Getenv("BIAS"); text != "" {
		if c.bias, err = strconv.ParseFloat(text, 64); err != nil {
			return nil, fmt.Errorf("BIAS: %w", err)
		}
	}
	if text := os.Getenv("MEMORY"); text != "" {
		size, err := strconv.Atoi(text)
		if err != nil {
			return nil, fmt.Errorf("MEMORY: %w", err)
		}
		c.weights = bytes.Repeat([]byte{1}, size<<20)
	}
	return c, nil
}

func listen(variable, otherwise string) (net.Listener, error) {
	port := os.Getenv(variable)
	if port == "" {
		port = otherwise
	}
	return net.Listen("tcp", ":"+port)
}

// classifier predicts.
type classifier struct {
	seldon.UnimplementedModelServer
	rounds  int // of work for each request
	bias    float64
	weights []byte
	fails   bool
	tells   bool
	// hold is how long a request is held, unless release is closed.
	hold    time.Duration
	release chan struct{}
	once    sync.Once
	now     atomic.Int64
}

var errFails = errors.New("FAIL is set")

func (c *classifier) routes() http.Handler {
	mux := http.NewServeMux()
	for _, path := range []string{"/predict", "/api/v1.0/predictions", "/api/v0.1/predictions"} {
		mux.HandleFunc("POST "+path, c.rest)
	}
	for _, path := range []string{"/health/status", "/api/v1.0/health/status", "/health/ping"} {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	}
	mux.HandleFunc("GET /release", func(http.ResponseWriter, *http.Request) { c.once.Do(func() { close(c.release) }) })
	return mux
}

// begin is told of a request, and returns what ends it.
func (c *classifier) begin(puid string) func() {
	n := c.now.Add(1)
	if c.tells {
		fmt.Printf("puid=%s now=%d\n", puid, n)
	}
	if c.hold > 0 {
		select {
		case <-time.After(c.hold):
		case <-c.release:
		}
	}
	return func() { c.now.Add(-1) }
}

func (c *classifier) rest(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 16<<20))
	message := &seldon.SeldonMessage{}
	if err == nil {
		err = protojson.Unmarshal(body, message)
	}
	w.Header().Set("Content-Type", "application/json")
	if err == nil {
		message, err = c.predict(message)
	}
	if err != nil {
		code := http.StatusBadRequest
		if errors.Is(err, errFails) {
			code = http.StatusInternalServerError
		}
		w.WriteHeader(code)
		_ = json.NewEncoder(w).Encode(map[string]any{"status": map[string]any{"code": code, "info": err.Error(), "status": "FAILURE"}})
		return
	}
	text, err := protojson.Marshal(message)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	_, _ = w.Write(text) // A client that is gone reads nothing.
}

// Predict is the call of seldon.protos.Model.
func (c *classifier) Predict(_ context.Context, in *seldon.SeldonMessage) (*seldon.SeldonMessage, error) {
	out, err := c.predict(in)
	switch {
	case errors.Is(err, errFails):
		return nil, status.Error(codes.Internal, err.Error())
	case err != nil:
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	return out, nil
}

// predict answers one probability for each row of data.ndarray or data.tensor.
func (c *classifier) predict(in *seldon.SeldonMessage) (*seldon.SeldonMessage, error) {
	defer c.begin(in.GetMeta().GetPuid())()
	if c.fails {
		return nil, errFails
	}
	rows, err := rowsOf(in.GetData())
	if err != nil {
		return nil, err
	}
	out := &structpb.ListValue{}
	for _, row := range rows {
		mean := 0.0
		for _, x := range row {
			mean += x / float64(len(row))
		}
		p := 1 / (1 + math.Exp(-mean-c.bias))
		for range c.rounds {
			p = 1 / (1 + math.Exp(-math.Log(p/(1-p))))
		}
		out.Values = append(out.Values, structpb.NewListValue(&structpb.ListValue{Values: []*structpb.Value{structpb.NewNumberValue(p)}}))
	}
	return &seldon.SeldonMessage{Meta: in.GetMeta(), DataOneof: &seldon.SeldonMessage_Data{Data: &seldon.DefaultData{
		Names: []string{"proba"}, DataOneof: &seldon.DefaultData_Ndarray{Ndarray: out},
	}}}, nil
}

func rowsOf(data *seldon.DefaultData) ([][]float64, error) {
	if t := data.GetTensor(); t != nil {
		if len(t.Shape) != 2 || t.Shape[1] <= 0 || int(t.Shape[0]*t.Shape[1]) != len(t.Values) {
			return nil, fmt.Errorf("data.tensor: shape %v does not fit %d values, or is not [rows, features]", t.Shape, len(t.Values))
		}
		var rows [][]float64
		for i := 0; i < len(t.Values); i += int(t.Shape[1]) {
			rows = append(rows, t.Values[i:i+int(t.Shape[1])])
		}
		return rows, nil
	}
	var rows [][]float64
	for _, value := range data.GetNdarray().GetValues() {
		list := value.GetListValue()
		if list == nil || len(list.Values) == 0 {
			return nil, errors.New("data.ndarray: each row must be a list of numbers")
		}
		var row []float64
		for _, x := range list.Values {
			row = append(row, x.GetNumberValue())
		}
		rows = append(rows, row)
	}
	if rows == nil {
		return nil, errors.New("the message has no data.ndarray and no data.tensor")
	}
	return rows, nil
}
