// Command controller runs a Deis Controller in memory, so that programs can be tested without a cluster.
//
//	go run ./examples/controller -addr 127.0.0.1:8000 -api 2.3
//	go run ./examples/controller -latency 200ms -start-delay 5s -fault 'POST /apps/*/builds/ 504 proxy late=10s times=1'
//
// It prints its address and the credentials of its first administrator, and runs until it is interrupted. It stores
// nothing. At the end it lists the faults that matched no request.
package main

import (
	"cmp"
	"context"
	"encoding/pem"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
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
	flag.StringVar(&o.api, "api", "2.2", "API `version` to speak, 1.6, 2.2 or 2.3")
	flag.DurationVar(&o.latency, "latency", 0, "how long each response takes")
	flag.DurationVar(&o.startDelay, "start-delay", 2*time.Second, "how long a new pod takes to come up")
	flag.DurationVar(&o.deployDelay, "deploy-delay", 0, "how long a deploy takes; in the meantime others find it in progress")
	flag.BoolVar(&o.early, "early", false, "with -api 2.3: behave like the first servers of that version, not like the last")
	flag.StringVar(&o.token, "token", "", "the administrator's `token`; a random one unless given")
	flag.BoolVar(&o.tls, "tls", false, "serve https, with a certificate for 127.0.0.1 made for tests")
	flag.Var(&o.faults, "fault", "make requests fail: `METHOD PATH WHAT...`, as in "+
		"'POST /apps/*/builds/ 503 times=2'; can be repeated.\n"+
		"METHOD can be * for any method, and PATH can end with /... for all paths below it.\n"+
		"WHAT is any of: a status, proxy (without the headers of a Controller), body=TEXT (must be last), drop, hang,\n"+
		"truncate, after (the request is carried out first), late=DURATION (it is carried out later), delay=DURATION,\n"+
		"skip=N, times=N")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Stdout, o); err != nil {
		fmt.Fprintln(os.Stderr, "controller:", err)
		os.Exit(1)
	}
}

type options struct {
	addr, api, token                 string
	latency, startDelay, deployDelay time.Duration
	tls, early                       bool
	faults                           faults
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
	opts := []deistest.Option{
		deistest.WithAPIVersion(api),
		deistest.WithAdmin("admin", "opensesame"),
		deistest.WithToken(o.token),
		deistest.WithLatency(o.latency),
		deistest.WithStartDelay(o.startDelay),
		deistest.WithDeployDelay(o.deployDelay),
	}
	if o.early {
		opts = append(opts, deistest.WithEarly23())
	}
	for _, f := range o.faults {
		opts = append(opts, deistest.WithFault(f))
	}
	controller := deistest.New(opts...)
	server := httptest.NewUnstartedServer(controller)
	server.Listener.Close()
	server.Listener = listener
	server.Config = &http.Server{Handler: controller, ReadHeaderTimeout: 10 * time.Second}
	environment := ""
	if o.tls {
		server.StartTLS()
		name, err := writeCertificate(server)
		if err != nil {
			server.Close()
			return err
		}
		defer os.Remove(name)
		environment = "export SSL_CERT_FILE=" + name + "\n    "
	} else {
		server.Start()
	}
	fmt.Fprintf(out, `A Controller in memory, API %[1]s, on %[2]s
Its first administrator is admin, with the password opensesame. In another shell:

    %[4]sexport DEIS_CONTROLLER=%[2]s DEIS_TOKEN=%[3]s
    DEIS_PASSWORD=opensesame go run ./examples/quickstart -controller %[2]s -username admin

`, api, server.URL, controller.Token(), environment)

	<-ctx.Done()
	server.CloseClientConnections()
	server.Close()
	for _, f := range controller.Unmet() {
		fmt.Fprintf(out, "No request matched the fault on %s %s\n", cmp.Or(f.Method, "*"), f.Path)
	}
	return nil
}

// writeCertificate writes the server's certificate to a temporary file and returns its name.
func writeCertificate(server *httptest.Server) (name string, err error) {
	f, err := os.CreateTemp("", "controller-*.pem")
	if err != nil {
		return "", err
	}
	defer f.Close()
	return f.Name(), pem.Encode(f, &pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
}
