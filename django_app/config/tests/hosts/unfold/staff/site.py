from unfold.sites import UnfoldAdminSite

site = UnfoldAdminSite(name="staff")
