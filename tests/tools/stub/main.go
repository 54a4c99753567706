// Command serve runs a stub component as a process.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/prime-radiant/radiant/tests/kit/stub"
)

func main() {
	var m stub.Model
	flag.StringVar(&m.Protocol, "protocol", "seldon", "seldon, tensorflow or v2")
	flag.StringVar(&m.Name, "name", "model", "name of the model")
	flag.IntVar(&m.Digit, "digit", 1, "digit written behind each number")
	flag.IntVar(&m.Route, "route", 0, "answer of a router")
	http := flag.String("http", "127.0.0.1:9000", "HTTP address")
	grpc := flag.String("grpc", "127.0.0.1:9500", "gRPC address")
	flag.Parse()
	s, err := stub.Start(*http, *grpc)
	if err != nil {
		fmt.Fprintln(os.Stderr, "serve:", err)
		os.Exit(1)
	}
	m.Serve(s)
	fmt.Println("listening", s.HTTP, s.GRPC)
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt, syscall.SIGTERM)
	<-stop
	s.Close()
}
