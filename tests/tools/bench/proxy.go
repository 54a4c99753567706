package main

import (
	"fmt"
	"math"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"google.golang.org/grpc"
)

// proxy passes unary calls from one address to another, "FROM=TO", as bytes:
// what grpc-go itself costs.
func proxy(addresses string) error {
	from, to, ok := strings.Cut(addresses, "=")
	if !ok {
		return fmt.Errorf("want FROM=TO, not %q", addresses)
	}
	conn, err := dialRaw(to)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", from)
	if err != nil {
		return err
	}
	call := func(s grpc.ServerStream, method string) error {
		var in, out raw
		if err := s.RecvMsg(&in); err != nil {
			return err
		}
		if err := conn.Invoke(s.Context(), method, &in, &out); err != nil {
			return err
		}
		return s.SendMsg(&out)
	}
	server := grpc.NewServer(grpc.ForceServerCodecV2(rawCodec{}), grpc.MaxRecvMsgSize(math.MaxInt32), grpc.MaxConcurrentStreams(math.MaxUint32), grpc.UnknownServiceHandler(func(_ any, s grpc.ServerStream) error {
		method, _ := grpc.MethodFromServerStream(s)
		return call(s, strings.Replace(method, ".Seldon/", ".Model/", 1))
	}))
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, os.Interrupt)
	go func() {
		<-stop
		server.Stop()
	}()
	return server.Serve(l)
}
