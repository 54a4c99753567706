// Command executor serves one predictor of a SeldonDeployment over REST and
// gRPC.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"syscall"

	"google.golang.org/grpc/grpclog"

	"github.com/prime-radiant/radiant/executor/config"
	"github.com/prime-radiant/radiant/executor/logqueue"
	"github.com/prime-radiant/radiant/executor/program"
	"github.com/prime-radiant/radiant/version"
)

func main() {
	// Who reads the log may go away; what the executor serves must not.
	signal.Ignore(syscall.SIGPIPE)
	// Libraries that log by themselves would write to standard error.
	others := logqueue.New(os.Stderr)
	log.SetOutput(others)
	grpclog.SetLoggerV2(grpclog.NewLoggerV2(io.Discard, io.Discard, others))
	if version.Asked(os.Args[1:]) {
		fmt.Println(version.This().Line("executor"))
		return
	}
	if asked, err := config.PrintSettings(os.Args[1:], os.LookupEnv, os.Stdout); asked {
		end(others, err)
	}
	c, err := config.Load(os.Args[1:], os.LookupEnv, os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err == nil {
		err = program.Run(signalled(others), c, os.Stderr, nil)
	}
	end(others, err)
}

// end exits, with the error if there is one.
func end(log *logqueue.Queue, err error) {
	code := 0
	if err != nil {
		_, _ = fmt.Fprintln(log, "executor:", err)
		code = 1
	}
	log.Close()
	os.Exit(code)
}

// signalled is a context that ends with the first signal to stop. The second
// one ends the process: who sends it does not want to wait for requests.
func signalled(log *logqueue.Queue) context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	go func() {
		<-signals
		cancel()
		<-signals
		end(log, errors.New("told to stop twice: requests in flight are cut off"))
	}()
	return ctx
}
