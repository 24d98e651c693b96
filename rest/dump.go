package rest

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// A dump shows each exchange as it went over the wire, for a person who debugs: lines of the request begin with >,
// lines of the response with <. Secrets are redacted.

// dump makes one attempt, and writes it to the dump if there is one.
func (c *call) dump(req *http.Request, base http.RoundTripper) (*http.Response, error) {
	if c.client.config.Dump == nil {
		return base.RoundTrip(req)
	}
	d := &dumped{call: c, redactor: c.redactor()}
	fmt.Fprintf(&d.text, "> %s %s\n", req.Method, req.URL)
	d.head('>', req.Header)
	d.body('>', c.sent)
	resp, err := base.RoundTrip(req)
	if err != nil {
		fmt.Fprintf(&d.text, "< no response: %s\n", Sanitize(err.Error()))
		d.flush()
		return resp, err
	}
	fmt.Fprintf(&d.text, "< %s\n", Sanitize(resp.Status))
	d.head('<', resp.Header)
	d.ReadCloser, resp.Body = resp.Body, d
	return resp, nil
}

// dumped is a response body. Closing it dumps the exchange.
type dumped struct {
	io.ReadCloser
	call     *call
	redactor redactor
	text     bytes.Buffer
	received []byte // the beginning of the body
	closed   bool
}

func (d *dumped) Read(p []byte) (int, error) {
	n, err := d.ReadCloser.Read(p)
	d.received = append(d.received, p[:min(n, d.redactor.readAtMost()-len(d.received))]...)
	return n, err
}

func (d *dumped) Close() error {
	if !d.closed {
		d.closed = true
		if d.call.secretResponse && len(d.received) > 0 {
			d.received = []byte(redacted)
		}
		d.body('<', d.received)
		d.flush()
	}
	return d.ReadCloser.Close()
}

func (d *dumped) head(mark byte, header http.Header) {
	for _, key := range slices.Sorted(maps.Keys(header)) {
		for _, value := range header[key] {
			switch key {
			case "Authorization", "Proxy-Authorization", "Cookie", "Set-Cookie": // whatever their values
				value = redacted
			}
			fmt.Fprintf(&d.text, "%c %s: %s\n", mark, key, Sanitize(d.redactor.text(value)))
		}
	}
}

func (d *dumped) body(mark byte, body []byte) {
	if len(body) == 0 {
		return
	}
	fmt.Fprintf(&d.text, "%c\n", mark)
	text := d.redactor.beginning(body) // before it is split into lines: a private key has several
	for line := range strings.Lines(strings.TrimSuffix(text, "\n")) {
		fmt.Fprintf(&d.text, "%c %s\n", mark, Sanitize(line))
	}
}

// flush writes the exchange in one Write, so that concurrent exchanges do not mix.
func (d *dumped) flush() {
	io.WriteString(d.call.client.config.Dump, d.redactor.text(d.text.String())+"\n") //nolint:errcheck // the call goes on if the dump cannot be written
}
