package certs_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"log"
	"math/big"
	"time"

	"github.com/deisgo/deis"
	"github.com/deisgo/deis/apps"
	"github.com/deisgo/deis/certs"
	"github.com/deisgo/deis/deistest"
)

func ExampleService_Attach() {
	ctx := context.Background()
	srv := deistest.NewServer()
	defer srv.Close()
	client, err := deis.New(srv.URL, deis.WithToken(srv.Token))
	if err != nil {
		log.Fatal(err)
	}
	if _, err := client.Apps.Create(ctx, apps.CreateParams{ID: "example-go"}); err != nil {
		log.Fatal(err)
	}
	if _, err := client.Domains.Create(ctx, "example-go", "www.example.com"); err != nil {
		log.Fatal(err)
	}

	certificate, key := selfSigned("www.example.com")
	_, err = client.Certs.Create(ctx, certs.CreateParams{Name: "www", Certificate: certificate, Key: key})
	if err != nil {
		log.Fatal(err)
	}
	if err := client.Certs.Attach(ctx, "www", "www.example.com"); err != nil {
		log.Fatal(err)
	}
	cert, err := client.Certs.Get(ctx, "www")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(cert.CommonName, cert.Domains)

	if err := client.Certs.Detach(ctx, "www", "www.example.com"); err != nil {
		log.Fatal(err)
	}
	cert, err = client.Certs.Get(ctx, "www") // the certificate stays
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(cert.CommonName, cert.Domains)
	// Output:
	// www.example.com [www.example.com]
	// www.example.com []
}

// selfSigned makes a certificate and its private key, as PEM.
func selfSigned(host string) (certificate, key string) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		log.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: host},
		NotBefore:    time.Now(),
		NotAfter:     time.Now().AddDate(1, 0, 0),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		log.Fatal(err)
	}
	privateDER, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		log.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: privateDER}))
}
