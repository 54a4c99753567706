package config

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/prime-radiant/radiant/executor/certificate"
)

func kafkaSecurity(vars map[string]string) (*KafkaSecurity, error) {
	k := &KafkaSecurity{}
	fields := k.fields()
	if err := errors.Join(takeDefaults(fields), takeVariables(fields, environment(vars), false)); err != nil {
		return nil, err
	}
	k.derive()
	return k, k.check()
}

func TestKafkaSecurity(t *testing.T) {
	k, err := kafkaSecurity(map[string]string{
		"KAFKA_SECURITY_PROTOCOL": "sasl_ssl", "KAFKA_SSL_CA_CERT_FILE": "/ca.crt",
		"KAFKA_SSL_CLIENT_CERT": "PEM", "KAFKA_SSL_CLIENT_KEY_FILE": "/tls.key", "KAFKA_SSL_CLIENT_KEY_PASS": "hush",
		"KAFKA_SASL_MECHANISM": "scram-sha-512", "KAFKA_SASL_USERNAME": "ada", "KAFKA_SASL_PASSWORD": "sesame",
	})
	want := KafkaSecurity{
		TLS: true, SASL: true, CA: certificate.Source{File: "/ca.crt"}, Cert: certificate.Source{Text: "PEM"}, Key: certificate.Source{File: "/tls.key"},
		KeyPassword: "hush", Mechanism: "SCRAM-SHA-512", Username: "ada", Password: "sesame", protocol: "SASL_SSL",
	}
	if err != nil || *k != want {
		t.Errorf("the environment was read as %+v, %v", k, err)
	}
	for _, form := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		if s := fmt.Sprintf(form, *k); strings.Contains(s, "hush") || strings.Contains(s, "sesame") {
			t.Errorf("%s shows %s", form, s)
		}
	}
	for protocol, want := range map[string][2]bool{"": {}, "plaintext": {}, "Ssl": {true, false}} {
		if k, err := kafkaSecurity(map[string]string{"KAFKA_SECURITY_PROTOCOL": protocol}); err != nil || k.TLS != want[0] || k.SASL != want[1] {
			t.Errorf("%q was read as %+v, %v", protocol, k, err)
		}
	}
}

func TestKafkaSecurityErrors(t *testing.T) {
	for name, c := range map[string]struct {
		env  map[string]string
		want []string
	}{
		"protocol":    {map[string]string{"KAFKA_SECURITY_PROTOCOL": "TLS"}, []string{`KAFKA_SECURITY_PROTOCOL "TLS" is unknown: want PLAINTEXT, SSL`}},
		"half a pair": {map[string]string{"KAFKA_SECURITY_PROTOCOL": "SSL", "KAFKA_SSL_CLIENT_CERT": "PEM"}, []string{"one is set without the other"}},
		"nobody":      {map[string]string{"KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT"}, []string{"KAFKA_SASL_USERNAME is missing", "KAFKA_SASL_PASSWORD is missing"}},
		"mechanism": {map[string]string{"KAFKA_SECURITY_PROTOCOL": "SASL_SSL", "KAFKA_SASL_MECHANISM": "GSSAPI", "KAFKA_SASL_USERNAME": "a", "KAFKA_SASL_PASSWORD": "sesame"},
			[]string{`KAFKA_SASL_MECHANISM "GSSAPI" is unknown: want PLAIN`}},
	} {
		_, err := kafkaSecurity(c.env)
		for _, want := range c.want {
			if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "sesame") {
				t.Errorf("%s: error is %v, want one with %q", name, err, want)
			}
		}
	}
}
