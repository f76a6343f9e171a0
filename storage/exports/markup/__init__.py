"""Pages as XML and HTML: PAGE, ALTO, hOCR and TEI."""
