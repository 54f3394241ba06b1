// In a file of its own, so that the page can forbid scripts in the page.
SwaggerUIBundle({ url: "/openapi.json", dom_id: "#api", deepLinking: true, tryItOutEnabled: true, validatorUrl: null });
