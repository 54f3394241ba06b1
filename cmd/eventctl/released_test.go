package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"fmt"
	"math/big"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// signedBy is a certificate as Fulcio makes them: who is in a URI, and who says so in an extension.
func signedBy(t *testing.T, identity, issuer string) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	uri, err := url.Parse(identity)
	if err != nil {
		t.Fatal(err)
	}
	says, err := asn1.Marshal(issuer)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), URIs: []*url.URL{uri},
		ExtraExtensions: []pkix.Extension{{Id: oidcIssuer, Value: says}}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(der)
}

// releases is a folder with what stack/publish stores of v1.
func releases(t *testing.T, certificate string) (folder string) {
	t.Helper()
	folder = t.TempDir()
	statement := base64.StdEncoding.EncodeToString([]byte(`{"subject":[{"name":"r","digest":{"sha256":"abc"}},
		{"name":"image.spdx.json","digest":{"sha256":"def"}}],"predicate":{"buildDefinition":{"resolvedDependencies":
		[{"uri":"git+https://github.com/o/n","digest":{"gitCommit":"c0ffee"}}]}}}`))
	for name, text := range map[string]string{
		"v1.json": `{"version":"v1","image":"r@sha256:abc","function":{"key":"functions/f.zip"}}`,
		"v1.sigstore.json": fmt.Sprintf(`{"verificationMaterial":{"certificate":{"rawBytes":%q}},`+
			`"dsseEnvelope":{"payload":%q}}`, certificate, statement),
	} {
		if err := os.MkdirAll(filepath.Join(folder, "releases"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, "releases", name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

func runningImage(t *testing.T, image string) string {
	t.Helper()
	url, _ := standIn(t, 0, "", func(string) (int, string) { return 200, `{"version":"v1","image":"` + image + `"}` })
	return url
}

func TestProvenanceTellsWhatIsNotedOfTheRelease(t *testing.T) {
	place := "file://" + filepath.ToSlash(releases(t, signedBy(t, "https://github.com/o/n/w@refs/tags/v1", "https://i")))
	out, err := run(t, "", "provenance", runningImage(t, "sha256:abc"), "--releases", place)
	want := `version    v1
commit     unknown
image      sha256:abc
function   functions/f.zip
source     git+https://github.com/o/n@c0ffee
contents   releases/v1.image.spdx.json sha256:def
signed by  https://github.com/o/n/w@refs/tags/v1, as https://i says
`
	if err != nil || out != want {
		t.Errorf("printed\n%s(%v)", out, err)
	}
	out, err = run(t, "", "provenance", runningImage(t, "sha256:abc"), "--releases", place, "-o", "json")
	if err != nil || !strings.Contains(out, `"signed_by":"https://github.com/o/n/w@refs/tags/v1, as https://i says"`) {
		t.Errorf("printed\n%s(%v)", out, err)
	}
}

func TestProvenanceFailsWhereTheImageIsNotTheReleases(t *testing.T) {
	place := "file://" + filepath.ToSlash(releases(t, ""))
	out, err := run(t, "", "provenance", runningImage(t, "sha256:other"), "--releases", place)
	if err == nil || !strings.Contains(err.Error(), "v1 was released as sha256:abc") || !strings.Contains(out, "a key") {
		t.Errorf("printed\n%s(%v)", out, err)
	}
	if out, err := run(t, "", "provenance", runningImage(t, ""), "--releases", place); err != nil {
		t.Errorf("an API that does not know its image: printed\n%s(%v)", out, err)
	}
}

func TestProvenanceOfWhatIsNotSignedOrNotReleased(t *testing.T) {
	folder := releases(t, "")
	if err := os.Remove(filepath.Join(folder, "releases", "v1.sigstore.json")); err != nil {
		t.Fatal(err)
	}
	place := "file://" + filepath.ToSlash(folder)
	out, err := run(t, "", "provenance", runningImage(t, "sha256:abc"), "--releases", place)
	if err != nil || !strings.Contains(out, "signed by  nobody\n") {
		t.Errorf("printed\n%s(%v)", out, err)
	}
	if err := os.Remove(filepath.Join(folder, "releases", "v1.json")); err != nil {
		t.Fatal(err)
	}
	if _, err := run(t, "", "provenance", runningImage(t, "sha256:abc"), "--releases", place); err == nil ||
		!strings.Contains(err.Error(), "releases/v1.json") {
		t.Error(err)
	}
}
