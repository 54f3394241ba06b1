package console

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"mime"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// policy lets the page use its own files and nothing else; no text can become a script.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

// NewToken makes a token that nobody guesses: 128 random bits.
func NewToken() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // it never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// guard refuses what no page of ours asks: a request under a foreign name, which is how a page elsewhere whose name was
// made to point here would come (DNS rebinding), and one that a page elsewhere makes.
func (c *Console) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		if !c.isOurs(r.Host) {
			fail(w, http.StatusMisdirectedRequest, "the console is not known by this name; open it as localhost")
			return
		}
		site := r.Header.Get("Sec-Fetch-Site")
		if strings.HasPrefix(r.URL.Path, "/api/") && site != "" && site != "same-origin" && site != "none" {
			fail(w, http.StatusForbidden, "only the console's own page may ask this")
			return
		}
		if r.Method == http.MethodPost && !isSameOrigin(r) {
			fail(w, http.StatusForbidden, "only the console's own page may ask this: Origin is not the console's")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// isOurs looks at the name alone: a port is forwarded to any other.
func (c *Console) isOurs(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.ToLower(strings.Trim(name, "[]"))
	return name == "localhost" || name == "127.0.0.1" || name == "::1" || slices.Contains(c.cfg.Hosts, name)
}

func isSameOrigin(r *http.Request) bool {
	origin, err := url.Parse(r.Header.Get("Origin"))
	return err == nil && (origin.Scheme == "http" || origin.Scheme == "https") && strings.EqualFold(origin.Host, r.Host)
}

const cookieName = "console-session"

// sessions are the pages that were opened with the token. Nothing is kept of them: what a page is given is signed with
// the token, so that a page stays open over a restart with the same token. The zero value lets nobody in.
type sessions struct{ key []byte }

func newSessions(token string) *sessions {
	if token == "" {
		return &sessions{}
	}
	key := sha256.Sum256([]byte(token))
	return &sessions{key[:]}
}

// begin returns a session for the right token, and its token against forged requests.
func (s *sessions) begin(token string) (cookie, csrf string, ok bool) {
	given := sha256.Sum256([]byte(token))
	if subtle.ConstantTimeCompare(given[:], s.key) != 1 {
		return "", "", false
	}
	id := NewToken()
	return id + "." + s.sign("session", id), s.sign("csrf", id), true
}

func (s *sessions) sign(purpose, id string) string {
	mac := hmac.New(sha256.New, s.key)
	fmt.Fprintf(mac, "%s %s", purpose, id)
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// csrfOf returns "" where the request is of no session.
func (s *sessions) csrfOf(r *http.Request) string {
	cookie, err := r.Cookie(cookieName)
	if err != nil || len(s.key) == 0 {
		return ""
	}
	id, signature, _ := strings.Cut(cookie.Value, ".")
	if subtle.ConstantTimeCompare([]byte(signature), []byte(s.sign("session", id))) != 1 {
		return ""
	}
	return s.sign("csrf", id)
}

// open begins a session for whoever has the token.
func (c *Console) open(w http.ResponseWriter, r *http.Request) {
	var asked struct{ Token string }
	if !read(w, r, &asked) {
		return
	}
	cookie, csrf, ok := c.sessions.begin(asked.Token)
	if !ok {
		c.log.Warn("console: wrong token", "from", r.RemoteAddr)
		fail(w, http.StatusForbidden, "this is not the token that the console printed when it started")
		return
	}
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // Secure where there is TLS; localhost has none
		Name: cookieName, Value: cookie, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: r.TLS != nil,
	})
	c.log.Warn("console: opened for changes", "who", who(cookie), "from", r.RemoteAddr)
	answer(w, map[string]string{"csrf": csrf})
}

// who names a session without what opens it.
func who(cookie string) string {
	sum := sha256.Sum256([]byte(cookie))
	return fmt.Sprintf("session %x", sum[:4])
}

// writes lets in who opened the page with the token and sends the session's own token along. What is done is one line
// in the log, at a level that every program shows: somebody changed something by hand.
func (c *Console) writes(what string, next func(http.ResponseWriter, *http.Request) []slog.Attr) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		csrf := c.sessions.csrfOf(r)
		if csrf == "" {
			fail(w, http.StatusForbidden,
				"to change anything, open the page by the link that was printed when the console started")
			return
		}
		if subtle.ConstantTimeCompare([]byte(r.Header.Get("X-CSRF-Token")), []byte(csrf)) != 1 {
			fail(w, http.StatusForbidden, "the request does not carry the page's token; reload the page")
			return
		}
		did := next(w, r)
		if did == nil {
			return // it was refused, and the page was told why
		}
		cookie, _ := r.Cookie(cookieName)
		attrs := append([]slog.Attr{slog.String("what", what), slog.String("who", who(cookie.Value)),
			slog.String("from", r.RemoteAddr)}, did...)
		c.log.LogAttrs(r.Context(), slog.LevelWarn, "console: changed by hand", attrs...)
	})
}

// maxBody is above what the API takes at once.
const maxBody = 5 << 20

// read decodes the body, or answers what is wrong with it.
func read(w http.ResponseWriter, r *http.Request, into any) bool {
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/json" {
		fail(w, http.StatusUnsupportedMediaType, "the body must be application/json")
		return false
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(into); err != nil {
		fail(w, http.StatusBadRequest, "the body can't be read: "+err.Error())
		return false
	}
	return true
}

func answer(w http.ResponseWriter, what any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(what) // the page is gone, if it fails
}

func fail(w http.ResponseWriter, status int, why string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": why})
}

func baseContext(ctx context.Context) func(net.Listener) context.Context {
	return func(net.Listener) context.Context { return ctx }
}
