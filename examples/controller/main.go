// Command controller runs a Deis Controller in memory, to try programs against without a cluster.
//
//	go run ./examples/controller -addr 127.0.0.1:8000 -api 2.2
//
// It prints its address and the credentials of its first administrator, and runs until it is interrupted. Nothing is
// kept after that.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/deisgo/deis/deistest"
	"github.com/deisgo/deis/version"
)

func main() {
	var o options
	flag.StringVar(&o.addr, "addr", "127.0.0.1:8000", "`host:port` to listen on; port 0 takes a free one")
	flag.StringVar(&o.api, "api", "2.2", "API `version` to speak, 1.6 or 2.2")
	flag.DurationVar(&o.startDelay, "start-delay", 2*time.Second, "how long a new pod takes to come up")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Stdout, o); err != nil {
		fmt.Fprintln(os.Stderr, "controller:", err)
		os.Exit(1)
	}
}

type options struct {
	addr, api  string
	startDelay time.Duration
}

func run(ctx context.Context, out io.Writer, o options) error {
	api, err := version.Parse(o.api)
	if err != nil {
		return err
	}
	if _, err := version.Negotiate(api); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", o.addr)
	if err != nil {
		return err
	}
	controller := deistest.New(
		deistest.WithAPIVersion(api),
		deistest.WithAdmin("admin", "opensesame"),
		deistest.WithStartDelay(o.startDelay),
	)
	fmt.Fprintf(out, `A Controller in memory, API %[1]s, on http://%[2]s
Its first administrator is admin, with the password opensesame. In another shell:

    export DEIS_CONTROLLER=http://%[2]s DEIS_TOKEN=%[3]s
    DEIS_PASSWORD=opensesame go run ./examples/quickstart -controller http://%[2]s -username admin

`, api, listener.Addr(), controller.Token())

	server := &http.Server{Handler: controller, ReadHeaderTimeout: 10 * time.Second}
	stopped := make(chan error, 1)
	go func() { stopped <- server.Serve(listener) }()
	select {
	case err := <-stopped:
		return err
	case <-ctx.Done():
		return server.Close()
	}
}
