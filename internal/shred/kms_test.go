package shred

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

// fakeKMS is what KMS does with one key. It has no rights: whoever asks may.
type fakeKMS struct {
	aead  cipher.AEAD
	away  atomic.Bool
	calls atomic.Int32
	short bool // it makes keys of 16 bytes
}

const kmsKey = "alias/keys"

// newKMS has a server that speaks KMS's protocol.
func newKMS(t *testing.T) (*fakeKMS, *KMS) {
	t.Helper()
	block, err := aes.NewCipher(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	f := &fakeKMS{}
	if f.aead, err = cipher.NewGCMWithRandomNonce(block); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	return f, NewKMS(aws.Config{Region: "us-east-1", BaseEndpoint: &server.URL,
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", "")}, kmsKey)
}

func (f *fakeKMS) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.calls.Add(1)
	var in struct {
		KeyId, KeySpec    string
		CiphertextBlob    []byte
		EncryptionContext map[string]string
	}
	refuse := func(status int, kind string) {
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"__type":%q,"message":"no"}`, kind)
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil || in.KeyId != kmsKey {
		refuse(http.StatusBadRequest, "NotFoundException")
		return
	}
	if f.away.Load() {
		refuse(http.StatusBadRequest, "AccessDeniedException")
		return
	}
	purpose, err := json.Marshal(in.EncryptionContext) // its members in their order
	if err != nil {
		refuse(http.StatusInternalServerError, "KMSInternalException")
		return
	}
	out := map[string]any{"KeyId": "arn:aws:kms:us-east-1:123456789012:key/1"}
	switch r.Header.Get("X-Amz-Target") {
	case "TrentService.GenerateDataKey":
		if in.KeySpec != "AES_256" {
			refuse(http.StatusBadRequest, "ValidationException")
			return
		}
		plain := make([]byte, 32)
		if f.short {
			plain = plain[:16]
		}
		_, _ = rand.Read(plain)
		out["Plaintext"], out["CiphertextBlob"] = plain, f.aead.Seal(nil, nil, plain, purpose)
	case "TrentService.Decrypt":
		plain, err := f.aead.Open(nil, nil, in.CiphertextBlob, purpose)
		if err != nil {
			refuse(http.StatusBadRequest, "InvalidCiphertextException")
			return
		}
		out["Plaintext"] = plain
	}
	if err := json.NewEncoder(w).Encode(out); err != nil {
		panic(err)
	}
}

func TestASecretIsUnwrappedForWhatItWasMadeForAndForNothingElse(t *testing.T) {
	_, k := newKMS(t)
	purpose := map[string]string{"table": "keys", "subject": hashOf("ada"), "key": "1"}
	secret, wrapped, err := k.Make(t.Context(), purpose)
	if err != nil || secret == (Key{}.Secret) || strings.Contains(string(wrapped), string(secret[:])) {
		t.Fatalf("made is %x, wrapped %x: %v", secret, wrapped, err)
	}
	if again, err := k.Unwrap(t.Context(), wrapped, purpose); err != nil || again != secret {
		t.Errorf("unwrapped is another secret: %v", err)
	}
	for name := range purpose {
		other := map[string]string{"table": "keys", "subject": hashOf("ada"), "key": "1"}
		other[name] += "x"
		if _, err := k.Unwrap(t.Context(), wrapped, other); err == nil {
			t.Errorf("with another %s it is unwrapped", name)
		}
	}
}

func TestWhatKMSRefusesNamesTheKey(t *testing.T) {
	f, k := newKMS(t)
	_, wrapped, err := k.Make(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	f.away.Store(true)
	for what, f := range map[string]func() error{
		"make":   func() error { _, _, err := k.Make(t.Context(), nil); return err },
		"unwrap": func() error { _, err := k.Unwrap(t.Context(), wrapped, nil); return err },
	} {
		err := f()
		if err == nil || !strings.Contains(err.Error(), kmsKey) || !strings.Contains(err.Error(), "AccessDenied") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestAKeyOfAnotherSizeIsNone(t *testing.T) {
	f, k := newKMS(t)
	f.short = true
	if _, _, err := k.Make(t.Context(), nil); err == nil {
		t.Error("it is used, with zeros at its end")
	}
}
