// Package kafka runs the executor as a consumer: before a broker in this
// process always, and before Apache Kafka where there is Java.
package kafka

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"google.golang.org/protobuf/proto"

	"github.com/prime-radiant/radiant/apis/inference"
	"github.com/prime-radiant/radiant/apis/seldon"
	"github.com/prime-radiant/radiant/apis/tensorflow"
	"github.com/prime-radiant/radiant/graph"
	"github.com/prime-radiant/radiant/tests/kit/programs"
	"github.com/prime-radiant/radiant/tests/kit/stub"
)

// program is the executor that looks for races, binary its file.
const program = "executor-race"

var binary string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := programs.Folder(program)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	binary = filepath.Join(dir, program)
	return m.Run()
}

// TestInProcessBroker runs all cases before franz-go's own broker.
func TestInProcessBroker(t *testing.T) {
	broker, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	defer broker.Close()
	var away atomic.Bool
	broker.Control(func(kmsg.Request) (kmsg.Response, error, bool) {
		broker.KeepControl()
		return nil, errAway, away.Load()
	})
	cases(t, broker.ListenAddrs()[0], func(_ *testing.T, meanwhile func()) {
		away.Store(true)
		meanwhile()
		away.Store(false)
	})
}

// errAway closes the connection that a request came by.
var errAway = errors.New("away")

// TestApacheKafka runs all cases before Apache Kafka.
func TestApacheKafka(t *testing.T) {
	k := startKafka(t)
	cases(t, k.address, func(t *testing.T, meanwhile func()) {
		k.kill()
		meanwhile()
		k.start(t)
	})
}

// outage takes the broker away for the time of meanwhile.
type outage func(t *testing.T, meanwhile func())

func cases(t *testing.T, broker string, gone outage) {
	t.Run("protocols", func(t *testing.T) { protocols(t, broker) })
	t.Run("headers", func(t *testing.T) { headers(t, broker) })
	t.Run("failures", func(t *testing.T) { failures(t, broker) })
	t.Run("order", func(t *testing.T) { order(t, broker) })
	t.Run("killed", func(t *testing.T) { killed(t, broker) })
	t.Run("rebalanced", func(t *testing.T) { rebalanced(t, broker) })
	t.Run("stopped", func(t *testing.T) { stopped(t, broker) })
	t.Run("broker away", func(t *testing.T) { brokerAway(t, broker, gone) })
}

// topics are those of one case.
type topics struct {
	broker          string
	in, out, errors string
	client          *kgo.Client
}

func newTopics(t *testing.T, broker string, partitions int32) *topics {
	t.Helper()
	name := strings.NewReplacer("/", "-", "_", "-").Replace(t.Name()) + "-" + strconv.FormatInt(time.Now().UnixNano(), 36)
	s := &topics{broker: broker, in: name + "-in", out: name + "-out", errors: name + "-errors"}
	var err error
	if s.client, err = kgo.NewClient(kgo.SeedBrokers(broker), kgo.ConsumeTopics(s.out, s.errors),
		kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.FetchMaxWait(200*time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.client.Close)
	made, err := kadm.NewClient(s.client).CreateTopics(soon(t), partitions, 1, nil, s.in, s.out, s.errors)
	if err == nil {
		err = made.Error()
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func soon(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// send writes a record whose value is a message with the number.
func (s *topics) send(t *testing.T, partition int32, numbers ...int) {
	t.Helper()
	var records []*kgo.Record
	for _, n := range numbers {
		records = append(records, &kgo.Record{Topic: s.in, Partition: partition, Key: []byte(strconv.Itoa(n)), Value: fmt.Appendf(nil, `{"data":{"ndarray":[[%d]]}}`, n)})
	}
	if err := s.client.ProduceSync(soon(t), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

// await reads n more records of the output and error topics.
func (s *topics) await(t *testing.T, n int) []*kgo.Record {
	t.Helper()
	ctx := soon(t)
	var all []*kgo.Record
	for len(all) < n {
		fetched := s.client.PollFetches(ctx)
		if ctx.Err() != nil {
			t.Fatalf("%d of %d records came", len(all), n)
		}
		all = append(all, fetched.Records()...)
	}
	return all
}

// awaitKeys reads until each of the keys has come, and counts how often it did.
func (s *topics) awaitKeys(t *testing.T, keys map[string]int) {
	t.Helper()
	missing := 0
	for _, n := range keys {
		if n == 0 {
			missing++
		}
	}
	for missing > 0 {
		for _, r := range s.await(t, 1) {
			if keys[string(r.Key)]++; keys[string(r.Key)] == 1 {
				missing--
			}
		}
	}
}

// executor is a running one.
type executor struct {
	cmd   *exec.Cmd
	ended chan struct{}
	rest  string
}

// model starts a component that writes a 1 behind each number.
func model(t *testing.T, protocol string) (*stub.Server, graph.Node) {
	t.Helper()
	s, err := stub.Start("127.0.0.1:0", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	stub.Model{Protocol: protocol, Name: "a", Digit: 1}.Serve(s)
	return s, graph.Node{Name: "a", Type: graph.Model, Endpoint: &graph.Endpoint{ServiceHost: "127.0.0.1", HTTPPort: port(t, s.HTTP), GRPCPort: port(t, s.GRPC), ServicePort: port(t, s.HTTP)}}
}

func port(t *testing.T, address string) int32 {
	t.Helper()
	n, err := strconv.ParseInt(address[strings.LastIndexByte(address, ':')+1:], 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	return int32(n)
}

// serve starts an executor that serves the topics.
func (s *topics) serve(t *testing.T, protocol string, n graph.Node, args ...string) *executor {
	t.Helper()
	predictor, err := json.Marshal(map[string]any{"name": "main", "graph": n})
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(binary, append([]string{
		"--sdep", s.in, "--namespace", "ns", "--predictor", "main", "--protocol", protocol, "--http_port", "0", "--grpc_port", "0",
		"--server_type", "kafka", "--kafka_broker", s.broker, "--kafka_input_topic", s.in, "--kafka_output_topic", s.out,
	}, args...)...)
	c.Env = []string{"ENGINE_PREDICTOR=" + base64.StdEncoding.EncodeToString(predictor), "RADIANT_PODINFO=" + t.TempDir(), "KAFKA_ERROR_TOPIC=" + s.errors}
	log, err := c.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	e := &executor{cmd: c, ended: make(chan struct{})}
	lines := bufio.NewScanner(log)
	lines.Buffer(nil, 1<<20)
	var first struct{ REST string }
	// The client may have something to say before that.
	for first.REST == "" {
		if !lines.Scan() {
			t.Fatalf("the executor ended: %v", c.Wait())
		}
		t.Log(lines.Text())
		_ = json.Unmarshal(lines.Bytes(), &first)
	}
	e.rest = "127.0.0.1" + first.REST[strings.LastIndexByte(first.REST, ':'):]
	var tail sync.Map
	go func() {
		defer close(e.ended)
		for i := 0; lines.Scan(); i++ {
			tail.Store(i%20, lines.Text())
			if strings.Contains(lines.Text(), "panic") || strings.Contains(lines.Text(), "DATA RACE") {
				t.Errorf("executor: %s", lines.Text())
			}
		}
		_ = c.Wait()
	}()
	t.Cleanup(func() {
		e.stop()
		if t.Failed() {
			tail.Range(func(_, line any) bool { t.Log(line); return true })
		}
	})
	return e
}

// stop ends it as Kubernetes does, and returns its exit code.
func (e *executor) stop() int {
	_ = e.cmd.Process.Signal(syscall.SIGTERM)
	<-e.ended
	return e.cmd.ProcessState.ExitCode()
}

func value(t *testing.T, m proto.Message) []byte {
	t.Helper()
	b, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// protocols sends a request of each protocol over each transport.
func protocols(t *testing.T, broker string) {
	tensor := &seldon.SeldonMessage{DataOneof: &seldon.SeldonMessage_Data{Data: &seldon.DefaultData{
		DataOneof: &seldon.DefaultData_Tensor{Tensor: &seldon.Tensor{Shape: []int32{1, 1}, Values: []float64{7}}},
	}}}
	tf := &tensorflow.PredictRequest{Inputs: map[string]*tensorflow.TensorProto{
		stub.Input: {Dtype: tensorflow.DataType_DT_FLOAT, TensorShape: &tensorflow.TensorShapeProto{Dim: []*tensorflow.TensorShapeProto_Dim{{Size: 1}, {Size: 1}}}, FloatVal: []float32{7}},
	}}
	v2 := &inference.ModelInferRequest{Inputs: []*inference.ModelInferRequest_InferInputTensor{
		{Name: stub.Input, Datatype: "FP64", Shape: []int64{1, 1}, Contents: &inference.InferTensorContents{Fp64Contents: []float64{7}}},
	}}
	for _, c := range []struct {
		protocol, transport, name string
		value                     []byte
		answers                   func(b []byte) bool
	}{
		{"seldon", "rest", "", []byte(`{"data":{"ndarray":[[7]]}}`), func(b []byte) bool { return strings.Contains(string(b), "[[71]]") }},
		{"tensorflow", "rest", "", []byte(`{"instances":[[7]]}`), func(b []byte) bool { return strings.Contains(string(b), "[[71") }},
		{"v2", "rest", "", []byte(`{"inputs":[{"name":"features","datatype":"FP64","shape":[1,1],"data":[7]}]}`), func(b []byte) bool { return strings.Contains(string(b), "71") }},
		{"seldon", "grpc", "seldon.protos.SeldonMessage", value(t, tensor), func(b []byte) bool {
			var m seldon.SeldonMessage
			return proto.Unmarshal(b, &m) == nil && len(stub.SeldonNumbers(&m)) == 1 && stub.SeldonNumbers(&m)[0] == 71
		}},
		{"tensorflow", "grpc", "tensorflow.serving.PredictRequest", value(t, tf), func(b []byte) bool {
			var m tensorflow.PredictResponse
			return proto.Unmarshal(b, &m) == nil && len(m.Outputs) == 1
		}},
		{"v2", "grpc", "", value(t, v2), func(b []byte) bool {
			var m inference.ModelInferResponse
			return proto.Unmarshal(b, &m) == nil && len(m.Outputs) == 1
		}},
	} {
		t.Run(c.protocol+" "+c.transport, func(t *testing.T) {
			s := newTopics(t, broker, 1)
			_, n := model(t, c.protocol)
			s.serve(t, c.protocol, n, "--transport", c.transport)
			r := &kgo.Record{Topic: s.in, Key: []byte("k"), Value: c.value}
			if c.name != "" {
				r.Headers = []kgo.RecordHeader{{Key: "proto-name", Value: []byte(c.name)}}
			}
			if err := s.client.ProduceSync(soon(t), r).FirstErr(); err != nil {
				t.Fatal(err)
			}
			got := s.await(t, 1)[0]
			if got.Topic != s.out || string(got.Key) != "k" || !c.answers(got.Value) {
				t.Errorf("on %s came %q", got.Topic, got.Value)
			}
		})
	}
}

func headerOf(r *kgo.Record, name string) string {
	for _, h := range r.Headers {
		if strings.EqualFold(h.Key, name) {
			return string(h.Value)
		}
	}
	return ""
}

// headers go to the nodes, and the puid comes back.
func headers(t *testing.T, broker string) {
	s := newTopics(t, broker, 1)
	component, n := model(t, "seldon")
	s.serve(t, "seldon", n)
	r := &kgo.Record{Topic: s.in, Value: []byte(`{"data":{"ndarray":[[7]]}}`), Headers: []kgo.RecordHeader{
		{Key: "seldon-puid", Value: []byte("mine")}, {Key: "X-Tenant", Value: []byte("t1")}, {Key: "bad header", Value: []byte("x\ny")},
	}}
	if err := s.client.ProduceSync(soon(t), r).FirstErr(); err != nil {
		t.Fatal(err)
	}
	got := s.await(t, 1)[0]
	if headerOf(got, "Seldon-Puid") != "mine" || headerOf(got, "Content-Type") != "application/json" {
		t.Errorf("headers are %v", got.Headers)
	}
	h := component.Calls()[len(component.Calls())-1].Header
	if len(h["X-Tenant"]) != 1 || h["X-Tenant"][0] != "t1" || h["Seldon-Puid"][0] != "mine" || h["Content-Type"][0] != "application/json" {
		t.Errorf("the node got %v", h)
	}
}

// failures go to the error topic with what happened, and hold nothing up.
func failures(t *testing.T, broker string) {
	s := newTopics(t, broker, 1)
	component, n := model(t, "seldon")
	component.Before(func(c stub.Call) (stub.Answer, bool) {
		return stub.Answer{Status: 418, Body: []byte("no")}, strings.Contains(string(c.Body), "[[13]]")
	})
	s.serve(t, "seldon", n)
	s.send(t, 0, 12, 13, 14)
	var order []string
	for _, r := range s.await(t, 3) {
		order = append(order, string(r.Key))
		if string(r.Key) != "13" {
			continue
		}
		if r.Topic != s.errors || headerOf(r, "Radiant-Error-Code") != "418" || headerOf(r, "Radiant-Error-Node") != "a" ||
			!strings.Contains(headerOf(r, "Radiant-Error"), "no") || !strings.Contains(string(r.Value), "[[13]]") || headerOf(r, "Radiant-Source") != s.in+"/0/1" {
			t.Errorf("on %s came %q %v", r.Topic, r.Value, r.Headers)
		}
	}
	if len(order) != 3 {
		t.Errorf("records came for %v", order)
	}
}

// order is that of the input, though later records are answered sooner.
func order(t *testing.T, broker string) {
	s := newTopics(t, broker, 1)
	component, n := model(t, "seldon")
	component.Before(func(c stub.Call) (stub.Answer, bool) {
		if strings.Contains(string(c.Body), "0]]") {
			time.Sleep(30 * time.Millisecond)
		}
		return stub.Answer{}, false
	})
	s.serve(t, "seldon", n, "--kafka_workers", "8")
	const records = 100
	var numbers []int
	for i := range records {
		numbers = append(numbers, i)
	}
	s.send(t, 0, numbers...)
	for i, r := range s.await(t, records) {
		// One record in, one out, so that the key counts.
		if string(r.Key) != strconv.Itoa(i) {
			t.Fatalf("record %d is %s", i, r.Key)
		}
	}
}

// slow makes a component take a moment for each call.
func slow(s *stub.Server) {
	s.Before(func(stub.Call) (stub.Answer, bool) { time.Sleep(2 * time.Millisecond); return stub.Answer{}, false })
}

// consumed is how many records the executor's metrics tell of.
func (e *executor) consumed(t *testing.T) int {
	t.Helper()
	answer, err := http.Get("http://" + e.rest + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	lines := bufio.NewScanner(answer.Body)
	for lines.Scan() {
		if rest, ok := strings.CutPrefix(lines.Text(), "radiant_executor_kafka_consumed_total"); ok {
			n, err := strconv.ParseFloat(rest[strings.LastIndexByte(rest, ' ')+1:], 64)
			if err != nil {
				t.Fatal(err)
			}
			return int(n)
		}
	}
	t.Fatal("there is no metric of consumed records")
	return 0
}
