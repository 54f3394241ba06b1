package api

import (
	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"
)

// pack compresses a finished answer of more than 200 bytes, of a type that is worth it, with gzip or deflate, if the client
// takes one. Brotli, which the framework's own middleware adds, is half a megabyte of dictionary for answers of a few
// kilobytes.
var pack = fasthttp.CompressHandlerLevel(func(*fasthttp.RequestCtx) {}, fasthttp.CompressBestSpeed)

func compress(c *fiber.Ctx) error {
	if err := c.Next(); err != nil {
		return err
	}
	pack(c.Context())
	return nil
}
