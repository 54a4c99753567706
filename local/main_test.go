package local

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/prime-radiant/radiant/local/localtest"
	"github.com/prime-radiant/radiant/local/process"
	kit "github.com/prime-radiant/radiant/tests/kit/programs"
)

func TestMain(m *testing.M) {
	localtest.RunAct(acts)
	os.Exit(m.Run())
}

// acts are what the test program can be; the result is the exit code.
var acts = map[string]func(args []string) int{
	"model":  actModel,
	"abrupt": actAbrupt,
	"die":    actDie,
	"train":  actTrain,

	"versions": actVersions,
	"once":     actOnce,
}

// actModel answers over REST on the port of the environment, with the first
// argument in its answers, until SIGTERM.
func actModel(args []string) int {
	name := "model"
	if len(args) > 0 {
		name = args[0]
	}
	var unready sync.Map
	mux := http.NewServeMux()
	mux.HandleFunc("/predict", func(w http.ResponseWriter, r *http.Request) {
		if d, err := time.ParseDuration(r.URL.Query().Get("sleep")); err == nil {
			time.Sleep(d)
		}
		io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"data":{"names":[%q],"ndarray":[[%d]]}}`, name, os.Getpid())
	})
	mux.HandleFunc("/env", func(w http.ResponseWriter, r *http.Request) {
		dir, _ := os.Getwd()
		json.NewEncoder(w).Encode(map[string]any{"env": os.Environ(), "args": args, "dir": dir})
	})
	mux.HandleFunc("/unready", func(w http.ResponseWriter, r *http.Request) { unready.Store("x", true) })
	mux.HandleFunc("/ready", func(w http.ResponseWriter, r *http.Request) {
		if _, no := unready.Load("x"); no {
			http.Error(w, "not now", http.StatusServiceUnavailable)
		}
	})
	l, err := net.Listen("tcp", ":"+os.Getenv("PREDICTIVE_UNIT_HTTP_SERVICE_PORT"))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println(name, "listens")
	serveUntilStopped(l, mux)
	fmt.Println(name, "stops")
	return 0
}

// serveUntilStopped serves until SIGTERM, and answers what it has begun.
func serveUntilStopped(l net.Listener, handler http.Handler) {
	server := &http.Server{Handler: handler}
	stopped := make(chan struct{})
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM)
	go func() {
		defer close(stopped)
		<-signals
		server.Shutdown(context.Background())
	}()
	server.Serve(l)
	<-stopped
}

// actAbrupt is actModel without a heart for the requests that it works on
// when it is asked to stop.
func actAbrupt(args []string) int {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM)
	go func() { <-signals; os.Exit(0) }()
	return actModel(args)
}

func actDie([]string) int {
	fmt.Fprintln(os.Stderr, "loading the model")
	fmt.Fprintln(os.Stderr, "OSError: model.joblib is damaged")
	return 3
}

// actCommand is the command of an act.
func actCommand(name string, args ...string) process.Command {
	return process.Command{Program: os.Args[0], Args: args, Env: append(os.Environ(), localtest.ActVariable+"="+name)}
}

// execAct is the same as the value of --exec.
func execAct(name string, args ...string) string {
	return strings.Join(append([]string{localtest.ActVariable + "=" + name, "exec", os.Args[0]}, args...), " ")
}

// programs returns the folder of executor and storage-initializer.
func programs(t *testing.T) string { return kit.Build(t, "executor", "storage-initializer") }

// quick is a pace for tests.
func quick() pace {
	return pace{poll: 10 * time.Millisecond, firstPause: 20 * time.Millisecond, longestPause: 100 * time.Millisecond, calm: time.Minute, hook: 10 * time.Second, waiting: time.Hour, starts: 20 * time.Millisecond}
}
