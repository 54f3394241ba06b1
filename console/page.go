package console

import (
	"embed"
	"io/fs"
	"net/http"
	"path"
)

//go:embed page
var files embed.FS

var mediaTypes = map[string]string{
	".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8",
	".svg": "image/svg+xml",
}

// pageHandler serves the page's own files. It states their types itself: a machine's table of types may lack one, and
// with nosniff the browser would then run no script.
func pageHandler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := path.Base(r.URL.Path)
		if r.URL.Path == "/" {
			name = "index.html"
		}
		content, err := fs.ReadFile(files, "page/"+name)
		if err != nil || r.URL.Path != "/" && r.URL.Path != "/"+name {
			fail(w, http.StatusNotFound, "there is nothing at this path")
			return
		}
		w.Header().Set("Content-Type", mediaTypes[path.Ext(name)])
		_, _ = w.Write(content) //nolint:gosec // a file of the page's own, whatever the path says
	})
}
