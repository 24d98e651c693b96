package deis_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"

	"github.com/deisgo/deis"
	"github.com/deisgo/deis/deistest"
)

// Trust a private authority, and identify the program to a gateway that asks for a client certificate.
func ExampleWithTLSConfig() {
	ctx := context.Background()
	controller := deistest.New(deistest.WithApp("example-go", ""))
	gateway := httptest.NewUnstartedServer(controller)
	gateway.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	gateway.StartTLS()
	defer gateway.Close()

	authorities := x509.NewCertPool()
	authorities.AddCert(gateway.Certificate()) // a program reads a file with AppendCertsFromPEM
	certificates := gateway.TLS.Certificates   // and these with tls.LoadX509KeyPair
	client, err := deis.New(gateway.URL, deis.WithToken(controller.Token()),
		deis.WithTLSConfig(&tls.Config{RootCAs: authorities, Certificates: certificates}))
	if err != nil {
		log.Fatal(err)
	}
	app, err := client.Apps.Get(ctx, "example-go")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(app.ID)
	// Output: example-go
}

// Go through a proxy other than the one that HTTPS_PROXY names, which is used by default.
func ExampleWithTransport() {
	ctx := context.Background()
	srv := deistest.NewServer(deistest.WithApp("example-go", ""))
	defer srv.Close()
	proxy := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		fmt.Println("through the proxy:", r.In.Method, r.In.URL.Path)
	}})
	defer proxy.Close()

	address, err := url.Parse(proxy.URL)
	if err != nil {
		log.Fatal(err)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.Proxy = http.ProxyURL(address)
	client, err := deis.New(srv.URL, deis.WithToken(srv.Token), deis.WithTransport(transport))
	if err != nil {
		log.Fatal(err)
	}
	app, err := client.Apps.Get(ctx, "example-go")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(app.ID)
	// Output:
	// through the proxy: GET /v2/
	// through the proxy: GET /v2/apps/example-go/
	// example-go
}
