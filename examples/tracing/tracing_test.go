// Package tracing shows how calls of the SDK become spans of OpenTelemetry.
package tracing

import (
	"context"
	"fmt"
	"log"
	"net/http"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/deisgo/deis"
	"github.com/deisgo/deis/apps"
	"github.com/deisgo/deis/deistest"
	"github.com/deisgo/deis/rest"
)

// Each attempt of a call is a span, named by a template that has no identifiers in it.
func Example() {
	ctx := context.Background()
	srv := deistest.NewServer(deistest.WithFault(deistest.Fault{Method: "GET", Path: "/apps/*", Status: 503, Times: 1}))
	defer srv.Close()

	spans := tracetest.NewInMemoryExporter() // a program has its own exporter
	traced := otelhttp.NewTransport(http.DefaultTransport,
		otelhttp.WithTracerProvider(trace.NewTracerProvider(trace.WithSyncer(spans))),
		otelhttp.WithSpanNameFormatter(func(_ string, r *http.Request) string { return rest.Operation(r.Context()) }),
	)
	client, err := deis.New(srv.URL, deis.WithToken(srv.Token), deis.WithTransport(traced))
	if err != nil {
		log.Fatal(err)
	}
	if _, err := client.Apps.Create(ctx, apps.CreateParams{ID: "example-go"}); err != nil {
		log.Fatal(err)
	}
	if _, err := client.Apps.Get(ctx, "example-go"); err != nil {
		log.Fatal(err)
	}
	for _, span := range spans.GetSpans() {
		fmt.Println(span.Name)
	}
	// Output:
	// GET /
	// POST /apps/
	// GET /apps/{app}/
	// GET /apps/{app}/
}
